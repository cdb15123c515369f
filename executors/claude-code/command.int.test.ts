import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Invocation } from "@parallax/shared/executor/adapter";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planCommand } from "./command.ts";
import { conversationIdOf } from "./conversation-file.ts";
import { adapter } from "./index.ts";
import { PINNED_VERSION } from "./install.ts";
import { locateClaude } from "./locate.ts";

let root = "";

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "claude-command-"));
});

afterEach(() => rm(root, { recursive: true }));

/** A program that only says its version. */
async function putProgram(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

const onPath = () => join(root, "bin", "claude");
const PATH = () => `${join(root, "bin")}:/usr/bin:/bin`;

function invocation(overrides: Partial<Invocation> = {}): Invocation {
  return {
    runId: "run_1",
    sessionId: "ses_1",
    attempt: 1,
    mode: "start",
    executorSessionId: null,
    prompt: 'say "hi"\nplease',
    projectDir: root,
    blueprint: null,
    executorConfig: {},
    mcpUrl: "http://127.0.0.1:4000/secret-path/mcp",
    attemptDir: join(root, "attempt"),
    env: { PATH: PATH(), HOME: root },
    agentsDir: null,
    ...overrides,
  };
}

describe("finding the CLI", () => {
  test("prefers what was installed for the fleet, past a link that does not work", async () => {
    await putProgram(onPath(), PINNED_VERSION);
    const agentsDir = join(root, "agents");
    await putProgram(join(agentsDir, "claude-code/node_modules/.bin/claude"), "Error: native binary not installed");
    expect(await locateClaude({ env: { PATH: PATH() }, agentsDir })).toMatchObject({ found: true, path: onPath() });
    const platform = `claude-code-${process.platform}-${process.arch}`;
    const native = await putProgram(
      join(agentsDir, `claude-code/node_modules/@anthropic-ai/${platform}/claude`),
      `${PINNED_VERSION} (Claude Code)`,
    );
    expect(await locateClaude({ env: { PATH: PATH() }, agentsDir })).toEqual({
      found: true,
      version: PINNED_VERSION,
      path: native,
    });
  });

  test("takes a newer one and refuses an older one by its number, not its letters", async () => {
    await putProgram(onPath(), "2.1.1000 (Claude Code)");
    expect(await locateClaude({ env: { PATH: PATH() }, agentsDir: null })).toMatchObject({
      found: true,
      version: "2.1.1000",
    });
    await putProgram(onPath(), "2.1.33 (Claude Code)");
    expect(await locateClaude({ env: { PATH: PATH() }, agentsDir: null })).toMatchObject({
      found: false,
      reason: expect.stringContaining("older"),
    });
  });

  test("says which command brings it when there is none", async () => {
    const missing = await locateClaude({ env: {}, agentsDir: join(root, "nothing") });
    expect(missing).toMatchObject({ found: false, fix: expect.stringContaining("./scripts/up --with claude-code") });
    await expect(planCommand(invocation({ env: { PATH: "" } }))).rejects.toMatchObject({
      code: "executor_not_found",
      hint: expect.stringContaining(`npm install -g @anthropic-ai/claude-code@${PINNED_VERSION}`),
    });
  });
});

describe("the command", () => {
  beforeEach(async () => {
    await putProgram(onPath(), PINNED_VERSION);
  });

  const flag = (argv: readonly string[], name: string): string | undefined => argv[argv.indexOf(name) + 1];

  test("keeps the prompt, the gateway's path and secrets out of argv and in private files", async () => {
    const mcpServers = {
      github: { type: "http", url: "https://example.org/mcp", headers: { Authorization: "Bearer hush" } },
    } as const;
    const plan = await planCommand(invocation({ blueprint: { name: "b", systemPrompt: "be kind", mcpServers } }));
    for (const secret of ["please", "secret-path", "hush", "be kind"])
      expect(plan.argv.join("\n")).not.toContain(secret);
    expect(JSON.parse(plan.stdin ?? "")).toMatchObject({ type: "user", message: { content: 'say "hi"\nplease' } });
    expect(plan.files.map((file) => [file.path, file.modeOctal])).toEqual([
      [join(root, "attempt", "mcp.json"), 0o600],
      [join(root, "attempt", "system-prompt.md"), 0o600],
    ]);
    expect(plan.argv).toContain("mcp__github");
    expect(plan.argv).toContain("mcp__parallax");
    expect(plan.argv).not.toContain("--strict-mcp-config");
  });

  test("names the way to the fleet otherwise when the blueprint has that name for something else", async () => {
    const mcpServers = { parallax: { type: "stdio", command: "x" } } as const;
    const plan = await planCommand(invocation({ blueprint: { name: "b", systemPrompt: null, mcpServers } }));
    const config = JSON.parse(plan.files[0]?.content ?? "") as {
      mcpServers: Record<string, { url?: string; timeout?: number }>;
    };
    expect(config.mcpServers["parallax-2"]).toMatchObject({ url: invocation().mcpUrl, timeout: 86_400_000 });
    expect(config.mcpServers["parallax"]).toEqual({ type: "stdio", command: "x" });
  });

  test("turns every setting into its flag or variable", async () => {
    const executorConfig = {
      model: "haiku",
      permission_mode: "plan",
      allowed_tools: ["Bash(git *)"],
      disallowed_tools: ["WebFetch"],
      max_turns: 3,
      max_budget_usd: 0.5,
      max_retries: 2,
      strict_mcp: true,
    };
    const { argv, env } = await planCommand(invocation({ executorConfig }));
    expect(argv[0]).toBe(onPath());
    expect(flag(argv, "--model")).toBe("haiku");
    expect(flag(argv, "--permission-mode")).toBe("plan");
    expect(flag(argv, "--max-turns")).toBe("3");
    expect(flag(argv, "--max-budget-usd")).toBe("0.5");
    for (const word of ["Bash(git *)", "WebFetch", "--strict-mcp-config"]) expect(argv).toContain(word);
    expect(env).toMatchObject({
      CLAUDE_CODE_MAX_RETRIES: "2",
      DISABLE_AUTOUPDATER: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    });
  });

  test("starts under an id of the run, and resumes it once the CLI has written it down", async () => {
    const id = conversationIdOf("run_1", "ses_1");
    expect(flag((await planCommand(invocation())).argv, "--session-id")).toBe(id);
    expect(conversationIdOf("run_2", "ses_1")).not.toBe(id);
    await mkdir(join(root, ".claude/projects/-elsewhere"), { recursive: true });
    await writeFile(join(root, `.claude/projects/-elsewhere/${id}.jsonl`), "{}\n");
    const again = await planCommand(invocation({ attempt: 2 }));
    expect(flag(again.argv, "--resume")).toBe(id);
    expect(again.argv).not.toContain("--session-id");
    const elsewhere = await planCommand(
      invocation({ env: { ...invocation().env, CLAUDE_CONFIG_DIR: join(root, "other") } }),
    );
    expect(flag(elsewhere.argv, "--session-id")).toBe(id);
  });

  test.each([null, "--dangerously-skip-permissions", "thread_1"])("refuses to resume %j", async (executorSessionId) => {
    await expect(planCommand(invocation({ mode: "resume", executorSessionId }))).rejects.toMatchObject({
      code: "agent_session_missing",
    });
  });

  test("interrupts and steers are one line each", () => {
    const lines = [adapter.interrupt(invocation()), adapter.steer(invocation(), "two\nlines")];
    for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ type: "control_request", request: { subtype: "interrupt" } });
  });

  test("no variable of an agent around the runner is on the allow-list", () => {
    const nested = [
      "CLAUDECODE",
      "CLAUDE_CODE_ENTRYPOINT",
      "CLAUDE_CODE_SSE_PORT",
      "CLAUDE_CODE_SESSION_ID",
      "IS_SANDBOX",
    ];
    expect(adapter.envAllowList.filter((name) => nested.includes(name))).toEqual([]);
  });
});
