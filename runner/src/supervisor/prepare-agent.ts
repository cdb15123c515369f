import { mkdir, stat, writeFile } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import type { CommandPlan, ExecutorAdapter, Invocation } from "@parallax/shared/executor/adapter";
import { composeAgentEnv } from "../attempts/agent-env.ts";
import type { AttemptFiles } from "../attempts/attempt-files.ts";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { loadExecutor } from "../executors/load-executor.ts";
import { fillPlaceholders } from "./fill-placeholders.ts";

/** Everything that is decided about an agent before it is started. */
export interface PreparedAgent {
  readonly adapter: ExecutorAdapter;
  readonly invocation: Invocation;
  readonly plan: CommandPlan;
  readonly env: Readonly<Record<string, string>>;
}

/** Refuses with the code that names the cause; nothing has been started then. */
export async function prepareAgent(spec: AttemptSpec, files: AttemptFiles, mcpUrl: string): Promise<PreparedAgent> {
  const { run } = spec;
  refuseWhatIsNotThere(spec);
  const adapter = await loadExecutor(run.executor);
  adapter.checkConfig(run.executor_config);
  const projectDir = run.project_dir ?? spec.defaultProjectDir;
  await requireDirectory(projectDir);
  await mkdir(files.agentDir, { recursive: true, mode: 0o700 });
  const env = composeAgentEnv(spec.hostEnv, run.env, { sessionId: run.session_id, mcpUrl });
  const invocation: Invocation = {
    runId: run.run_id,
    sessionId: run.session_id,
    attempt: run.attempt,
    mode: run.type === "start_session" ? "start" : "resume",
    executorSessionId: run.executor_session_id,
    prompt: run.prompt,
    projectDir,
    blueprint: fillPlaceholders(run.resolved_agent_blueprint, { mcpUrl, sessionId: run.session_id }),
    executorConfig: run.executor_config,
    mcpUrl,
    attemptDir: files.agentDir,
    env,
    agentsDir: spec.agentsDir,
  };
  const plan = await adapter.command(invocation);
  await writePlanFiles(plan, files.agentDir);
  return { adapter, invocation, plan, env: { ...env, ...plan.env } };
}

/** A field is honoured or refused, never ignored. */
function refuseWhatIsNotThere({ run }: AttemptSpec): void {
  if (run.runtime !== "local") {
    throw new ParallaxError("unsupported_option", `this runner has no runtime ${run.runtime}`, {
      hint: "It serves runtime local.",
    });
  }
  if (run.mode !== "headless") {
    throw new ParallaxError("unsupported_option", `this runner cannot run mode ${run.mode} yet`, {
      hint: "Use mode headless.",
    });
  }
  for (const name of ["cpu", "memory", "pids"] as const) {
    if (run.resources[name] === undefined) continue;
    throw new ParallaxError("unsupported_option", `runtime local cannot limit ${name}`, {
      hint: "Use runtime docker or kubernetes, or leave it out.",
    });
  }
}

async function requireDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) return;
  const what = found === null ? "does not exist on this host" : "is not a directory";
  throw new ParallaxError("project_dir_missing", `the project directory ${path} ${what}`, {
    hint: "Make it, or name another one with project_dir; project_dir is a path on the runner's host.",
  });
}

async function writePlanFiles(plan: CommandPlan, agentDir: string): Promise<void> {
  for (const file of plan.files) {
    const path = resolve(agentDir, file.path);
    if (!path.startsWith(agentDir + sep)) {
      throw new ParallaxError("executor_failed", "the executor wanted to write outside its own directory");
    }
    await mkdir(resolve(path, ".."), { recursive: true, mode: 0o700 });
    await writeFile(path, file.content, { mode: file.modeOctal });
  }
}
