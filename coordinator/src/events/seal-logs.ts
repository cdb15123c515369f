/**
 * Seals logs when they are complete: at once after the end that completes them, and by a sweep that finds what a crash left open. A remainder
 * that has not come within an hour is given up, visibly.
 * Called by: main's periodic work.  Writes and emits: see seal-stream.ts.
 */
import { type Deps, TOPICS } from "../deps.ts";
import { findRun } from "../store/runs.ts";
import { findUnsealedLogs } from "../store/unsealed-logs.ts";
import { sealAttempt } from "./seal-stream.ts";

const REMAINDER_MS = 3_600_000;
const BATCH = 200;

export function sealLogsOnWake(deps: Deps): () => void {
  return deps.wake.subscribe(TOPICS.log, (runId) => {
    sealNewest(deps, runId).catch((error: unknown) => {
      deps.logger.warn({ err: error, runId }, "log not sealed; the sweep will do it");
    });
  });
}

export async function sweepUnsealedLogs(deps: Deps): Promise<void> {
  for (const order of await findUnsealedLogs(deps.store.db, REMAINDER_MS, BATCH)) await sealAttempt(deps, order);
}

async function sealNewest(deps: Deps, runId: string): Promise<void> {
  const run = await findRun(deps.store.db, runId);
  if (run !== null && run.attempt > 0) await sealAttempt(deps, { runId, attempt: run.attempt, overdue: false });
}
