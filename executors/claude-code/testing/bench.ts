/** A clean place for one test's agent: its own home, project and attempt directory, and a scripted model. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Invocation } from "@parallax/shared/executor/adapter";
import type { ModelServer } from "@parallax/shared/testing/model-server/server";
import { startModelServer } from "@parallax/shared/testing/model-server/server";
import { onTestFinished } from "vitest";
import { ensureClaudeCode } from "./install-for-tests.ts";

/** Nobody listens there: for tests that do not need the fleet. */
const NO_GATEWAY = "http://127.0.0.1:9/mcp";

export interface Bench {
  readonly root: string;
  readonly projectDir: string;
  readonly model: ModelServer;
  invocation(overrides: Partial<Invocation> & { readonly prompt: string }): Invocation;
}

/** Everything of it is gone when the test is. */
export async function setUpBench(): Promise<Bench> {
  const { agentsDir } = await ensureClaudeCode();
  const root = await mkdtemp(join(tmpdir(), "claude-code-test-"));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const model = await startModelServer();
  onTestFinished(() => model.close());
  const projectDir = join(root, "project");
  for (const name of ["home", "project", "attempt"]) await mkdir(join(root, name), { mode: 0o700 });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: join(root, "home"),
    LANG: "C.UTF-8",
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: "sk-ant-test-key",
  };
  const invocation: Bench["invocation"] = (overrides) => ({
    runId: "run_1",
    sessionId: "ses_1",
    attempt: 1,
    mode: "start",
    executorSessionId: null,
    projectDir,
    blueprint: null,
    executorConfig: {},
    mcpUrl: NO_GATEWAY,
    attemptDir: join(root, "attempt"),
    env,
    agentsDir,
    ...overrides,
  });
  return { root, projectDir, model, invocation };
}
