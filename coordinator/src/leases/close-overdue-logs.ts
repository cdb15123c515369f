/**
 * A log whose remainder has not come within an hour of the end is closed as incomplete, visibly.
 * Called by: main's periodic work.  Writes: attempts, events, streams.  Emits: events wake.
 */
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { sealAttempt } from "../events/seal-stream.ts";
import { findOverdueLogs } from "../store/overdue-logs.ts";
import { lockRun } from "../store/runs.ts";

const REMAINDER_MS = 3_600_000;
const BATCH = 200;

export async function closeOverdueLogs(deps: Deps): Promise<void> {
  for (const { runId, attempt } of await findOverdueLogs(deps.store.db, REMAINDER_MS, BATCH)) {
    await transact(deps, async (tx, effects) => {
      await lockRun(tx, runId);
      await sealAttempt(deps, tx, effects, runId, attempt, true);
    });
  }
}
