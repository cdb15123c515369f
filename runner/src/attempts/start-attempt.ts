import type { RunnerDeps } from "../deps.ts";
import { createBackoff, pause } from "../http/backoff.ts";
import { buryAttempt, forgetAttempt } from "./bury-attempt.ts";
import { findOlderTrees } from "./end-older-trees.ts";
import type { LiveAttempt } from "./live-attempts.ts";
import { spawnSupervisor } from "./spawn-supervisor.ts";
import { watchAttempt } from "./watch-attempt.ts";

/** From a spec on disk to a watched supervisor. Returns when the attempt is this runner's business no more. */
export async function startAttempt(deps: RunnerDeps, attempt: LiveAttempt): Promise<void> {
  const { run } = attempt.spec;
  const log = deps.log.child({ component: "executor", runId: run.run_id, attempt: run.attempt });
  if (!(await hasStarted(deps, attempt))) return;
  attempt.preparing = true;
  deps.attempts.countStart();
  deps.attempts.changed();
  try {
    const older = await findOlderTrees(deps, attempt);
    // This process may have stood still since its start was accepted: asked again, or a newer attempt would be ended for an older one.
    if (older.count > 0 && !(await hasStarted(deps, attempt))) return;
    await older.end();
    log.info({ sessionId: run.session_id, agent: run.agent_name ?? run.executor }, "Starting session");
    const { exited } = await spawnSupervisor(attempt.files, deps.supervisorSpawn);
    await watchAttempt(deps, attempt, exited);
  } catch (error) {
    log.error({ err: error }, "The supervisor could not be started");
    await buryAttempt(deps, attempt, `the supervisor could not be started: ${String(error)}`);
  }
}

/** False when nothing is to be started; what there was to do about it has been done then. */
async function hasStarted(deps: RunnerDeps, attempt: LiveAttempt): Promise<boolean> {
  const answer = await reportStarted(deps, attempt);
  if (answer === "stopping") await buryAttempt(deps, attempt, "stopped before anything was started");
  if (answer === "refused") await forgetAttempt(deps, attempt);
  return answer === "accepted";
}

type StartedAnswer = "accepted" | "refused" | "stopping" | "exiting";

/** Before anything is spawned. Repeated until it is answered: only the coordinator knows whether the offer still stands. */
async function reportStarted(deps: RunnerDeps, { spec }: LiveAttempt): Promise<StartedAnswer> {
  const { run } = spec;
  const log = deps.log.child({ component: "executor", runId: run.run_id, attempt: run.attempt });
  const backoff = createBackoff({ firstMs: 200, maxMs: 5_000 });
  while (!deps.exiting.aborted) {
    const result = await deps.client.started(run, deps.runnerId, deps.instanceId);
    switch (result.kind) {
      case "ok":
        return "accepted";
      case "end_attempt":
        log.warn({ code: result.code }, "The offer was withdrawn before it was started");
        return result.code === "run_stopping" ? "stopping" : "refused";
      case "refused":
        if (result.refusal.code === "unknown_runner") {
          await deps.reregister();
          break;
        }
        log.warn({ code: result.refusal.code, reason: result.refusal.message }, "The start was refused");
        return "refused";
      case "retry":
        log.debug({ reason: result.reason }, "The start was not answered");
        break;
      case "nothing":
        break;
    }
    await pause(backoff.nextMs(), deps.exiting);
  }
  return "exiting";
}
