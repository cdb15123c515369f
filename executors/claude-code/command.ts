/** Plans how Claude Code is started for one attempt. */
import { join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import type { CommandPlan, Invocation } from "@parallax/shared/executor/adapter";
import type { ClaudeConfig } from "./config.ts";
import { parseConfig } from "./config.ts";
import { conversationIdOf, findConversationFile, isConversationId } from "./conversation-file.ts";
import { locateClaude } from "./locate.ts";
import { planMcpServers } from "./mcp-config.ts";
import { userLine } from "./wire.ts";

/** Both promise the agent to wake it later. The process ends with the turn, so nothing would; the fleet's own calls do it. */
const TOOLS_WITHOUT_EFFECT = ["ScheduleWakeup", "CronCreate"];

const STREAM_FLAGS = [
  "-p",
  ...["--input-format", "stream-json"],
  ...["--output-format", "stream-json"],
  "--verbose",
  "--replay-user-messages",
  // Nobody answers while it runs: the agent is told at once that it may not, instead of being left with a question.
  ...["--permission-prompts", "none"],
];

type PlannedFile = CommandPlan["files"][number];

export async function planCommand(invocation: Invocation): Promise<CommandPlan> {
  const config = parseConfig(invocation.executorConfig);
  refuseBypassAsRoot(config, invocation);
  const located = await locateClaude(invocation);
  if (!located.found) {
    throw new ParallaxError("executor_not_found", `Claude Code cannot be started: ${located.reason}`, {
      hint: located.fix,
    });
  }
  const mcp = planMcpServers(invocation);
  const mcpFile = fileOf(invocation, "mcp.json", mcp.content);
  const promptFile = planSystemPrompt(invocation, config);
  return {
    argv: [
      located.path,
      ...STREAM_FLAGS,
      ...(await conversationFlags(invocation)),
      ...["--permission-mode", config.permission_mode],
      ...["--mcp-config", mcpFile.path],
      ...(config.strict_mcp ? ["--strict-mcp-config"] : []),
      ...["--allowedTools", ...mcp.allowRules, ...config.allowed_tools],
      ...["--disallowedTools", ...TOOLS_WITHOUT_EFFECT, ...config.disallowed_tools],
      // A conversation otherwise keeps the system prompt it began with, whatever the blueprint says today.
      ...(promptFile === null
        ? []
        : ["--append-system-prompt-file", promptFile.path, "--system-prompt-snapshot", "off"]),
      ...(config.model === undefined ? [] : ["--model", config.model]),
      ...(config.max_turns === undefined ? [] : ["--max-turns", String(config.max_turns)]),
      ...(config.max_budget_usd === undefined ? [] : ["--max-budget-usd", String(config.max_budget_usd)]),
    ],
    env: planEnv(invocation, config),
    files: promptFile === null ? [mcpFile] : [mcpFile, promptFile],
    stdin: userLine(invocation.prompt),
    keepStdinOpen: true,
  };
}

function planEnv(invocation: Invocation, config: ClaudeConfig): Record<string, string> {
  return {
    DISABLE_AUTOUPDATER: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // The line that says "idle" is the only sound end of a turn: subagents report after the first result.
    CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: "1",
    // Its sockets and the output of its background commands go when the attempt's directory goes.
    CLAUDE_CODE_TMPDIR: join(invocation.attemptDir, "tmp"),
    ...(config.max_retries === undefined ? {} : { CLAUDE_CODE_MAX_RETRIES: String(config.max_retries) }),
  };
}

/**
 * A first attempt chooses the conversation's id. A later attempt of the same run goes on with it if the CLI has written the
 * conversation down, because it refuses an id that is in use; otherwise it begins again under the same id.
 */
async function conversationFlags(invocation: Invocation): Promise<string[]> {
  const bound = invocation.executorSessionId;
  if (bound !== null && !isConversationId(bound)) {
    throw sessionMissing(`${JSON.stringify(bound.slice(0, 80))} is not a conversation of Claude Code`);
  }
  if (invocation.mode === "resume") {
    if (bound === null) throw sessionMissing("the session has no conversation of Claude Code yet");
    return ["--resume", bound];
  }
  const id = bound ?? conversationIdOf(invocation.runId, invocation.sessionId);
  const file = await findConversationFile(id, invocation.env);
  return [file === null ? "--session-id" : "--resume", id];
}

function sessionMissing(message: string): ParallaxError {
  return new ParallaxError("agent_session_missing", message, {
    hint: "Start a new session; a session cannot go on with another executor than the one it began with.",
  });
}

function planSystemPrompt(invocation: Invocation, config: ClaudeConfig): PlannedFile | null {
  const parts = [invocation.blueprint?.systemPrompt, config.append_system_prompt];
  const text = parts.filter((part) => part !== undefined && part !== null && part !== "").join("\n\n");
  return text === "" ? null : fileOf(invocation, "system-prompt.md", text);
}

function fileOf(invocation: Invocation, name: string, content: string): PlannedFile {
  return { path: join(invocation.attemptDir, name), content, modeOctal: 0o600 };
}

/** The CLI refuses this by itself, but with words that do not say which setting is meant. */
function refuseBypassAsRoot(config: ClaudeConfig, { env }: Invocation): void {
  if (config.permission_mode !== "bypassPermissions" || process.getuid?.() !== 0) return;
  if (env["IS_SANDBOX"] === "1") return;
  throw new ParallaxError(
    "executor_config_invalid",
    "executor_config.permission_mode bypassPermissions is refused by Claude Code when the agent runs as root",
    {
      hint: "Run the runner as another user, use acceptEdits with allowed_tools, or set IS_SANDBOX=1 in the run's env if this machine may be harmed.",
    },
  );
}
