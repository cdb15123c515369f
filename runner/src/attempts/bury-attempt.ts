/**
 * What is left of an attempt whose supervisor is dead: its tree is ended, a completion it had written is delivered, else the loss
 * is reported, and only then the directory goes. All of it under the supervisor's own lock, so none can be alive meanwhile.
 */
import { readFile, rm } from "node:fs/promises";
import type { Server } from "node:net";
import { holdLock, releaseLock } from "../alive-lock/hold-lock.ts";
import type { RunnerDeps } from "../deps.ts";
import { createBackoff, pause } from "../http/backoff.ts";
import { killByMarker } from "../supervisor/process-tree/kill-by-marker.ts";
import { controlAddress } from "./control-link.ts";
import { deliverLeftovers } from "./deliver-leftovers.ts";
import type { LiveAttempt } from "./live-attempts.ts";

const LAST_WORDS_LENGTH = 1_000;

/** Takes the lock first; does nothing when a supervisor holds it after all. */
export async function buryAttempt(deps: RunnerDeps, attempt: LiveAttempt, reason: string): Promise<void> {
  const lock = await holdLock(controlAddress(attempt.spec, attempt.files));
  if (lock !== null) await buryUnderLock(deps, attempt, lock, reason);
}

export async function buryUnderLock(
  deps: RunnerDeps,
  attempt: LiveAttempt,
  lock: Server,
  reason: string,
): Promise<void> {
  const { run_id: runId, attempt: number } = attempt.spec.run;
  const log = deps.log.child({ component: "supervisor", runId, attempt: number });
  attempt.phase = "burying";
  attempt.preparing = false;
  deps.attempts.changed();
  const lastWords = await readLastWords(attempt.files.log);
  await endTree(deps, attempt);
  const delivered = await deliverLeftovers(deps, attempt);
  if (delivered === "completed")
    log.warn({ reason, lastWords }, "The supervisor is gone, the completion it had written was delivered");
  if (delivered === "nothing") {
    log.error({ reason, lastWords }, "Run is lost");
    await reportLost(deps, attempt, reason);
  }
  if (!deps.exiting.aborted) await forgetAttempt(deps, attempt);
  await releaseLock(lock);
}

/** The end of the supervisor's log, which goes with the directory. */
async function readLastWords(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.slice(-LAST_WORDS_LENGTH).trim();
}

/** Nothing is or can be running, and nobody needs to hear of it. */
export async function forgetAttempt(deps: RunnerDeps, attempt: LiveAttempt): Promise<void> {
  await rm(attempt.files.dir, { recursive: true, force: true });
  deps.attempts.remove(attempt);
}

/** The loss of an attempt that still acts must not be reported. */
async function endTree(deps: RunnerDeps, { spec }: LiveAttempt): Promise<void> {
  const backoff = createBackoff({ firstMs: 500, maxMs: 10_000 });
  while (!deps.exiting.aborted) {
    try {
      const killed = await killByMarker(spec.marker);
      if (killed > 0)
        deps.log.warn({ runId: spec.run.run_id, killed }, "Ended processes that had outlived their supervisor");
      return;
    } catch (error) {
      deps.log.error({ err: error, runId: spec.run.run_id }, "Processes of a run could not be ended");
      await pause(backoff.nextMs(), deps.exiting);
    }
  }
}

async function reportLost(deps: RunnerDeps, { spec }: LiveAttempt, reason: string): Promise<void> {
  const backoff = createBackoff({ firstMs: 200, maxMs: 5_000 });
  while (!deps.exiting.aborted) {
    const result = await deps.client.lost(spec.run, deps.runnerId, deps.instanceId, reason.slice(0, 1000));
    if (result.kind === "refused" && result.refusal.code === "unknown_runner") await deps.reregister();
    else if (result.kind === "refused")
      deps.log.warn({ code: result.refusal.code, runId: spec.run.run_id }, "The report of a loss was refused");
    if (result.kind !== "retry" && !(result.kind === "refused" && result.refusal.code === "unknown_runner")) return;
    await pause(backoff.nextMs(), deps.exiting);
  }
}
