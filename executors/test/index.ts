/** The `test` executor: a scripted agent without a model, for tests, demonstrations and trying the fleet without a key. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ParallaxError } from "@parallax/shared/errors";
import type { ExecutorAdapter, Invocation } from "@parallax/shared/executor/adapter";
import { createTestReader } from "./read-output.ts";
import type { AgentNudge, AgentTask } from "./wire.ts";

const AGENT_PATH = fileURLToPath(new URL("./agent/main.ts", import.meta.url));

const toLine = (value: AgentTask | AgentNudge) => `${JSON.stringify(value)}\n`;

function taskOf(invocation: Invocation): AgentTask {
  return {
    run_id: invocation.runId,
    session_id: invocation.sessionId,
    attempt: invocation.attempt,
    mode: invocation.mode,
    conversation_id: invocation.executorSessionId,
    prompt: invocation.prompt,
    system_prompt: invocation.blueprint?.systemPrompt ?? null,
    mcp_servers: invocation.blueprint?.mcpServers ?? {},
  };
}

function refuseStdioServers(invocation: Invocation): void {
  for (const [name, server] of Object.entries(invocation.blueprint?.mcpServers ?? {})) {
    if (server.type === "http") continue;
    throw new ParallaxError("unsupported_option", `the test executor cannot start the stdio MCP server ${name}`, {
      hint: "Give the blueprint HTTP servers only, or use another executor.",
    });
  }
}

export const adapter: ExecutorAdapter = {
  name: "test",
  capabilities: {
    headless: true,
    interactive: false,
    resume: true,
    fork: false,
    steer: true,
    interrupt: true,
    permissions: false,
    questions: false,
    usage: true,
    capsule: false,
  },
  envAllowList: ["PARALLAX_TEST_AGENT_HOME"],

  async detect() {
    const manifest: unknown = JSON.parse(await readFile(new URL("./package.json", import.meta.url), "utf8"));
    const version = (manifest as { version?: unknown }).version;
    return { found: true, version: typeof version === "string" ? version : "unknown", path: AGENT_PATH };
  },

  checkConfig(config) {
    const [unknown] = Object.keys(config);
    if (unknown === undefined) return;
    throw new ParallaxError("executor_config_invalid", `the test executor has no setting ${JSON.stringify(unknown)}`, {
      hint: "It has none at all: everything is said in the prompt.",
    });
  },

  async command(invocation) {
    refuseStdioServers(invocation);
    return {
      argv: [process.execPath, AGENT_PATH],
      env: { AGENT_SESSION_ID: invocation.sessionId, AGENT_ORCHESTRATOR_MCP_URL: invocation.mcpUrl },
      files: [],
      stdin: toLine(taskOf(invocation)),
      keepStdinOpen: true,
    };
  },

  createReader: () => createTestReader(),
  interrupt: () => toLine({ interrupt: true }),
  steer: (_invocation, message) => toLine({ message }),
};
