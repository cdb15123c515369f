/**
 * Deregister: a runner leaves. By itself: now, and what it held without a supervisor is lost with it. From outside: told on its next poll.
 * Called by: DELETE /runners/{id}.  Writes: runners, and what a loss writes.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { loseRun } from "../leases/lose-run.ts";
import { lockForEnd } from "../runs/lock-for-end.ts";
import { deleteRunner, findRunner, setRunnerState } from "../store/runners.ts";
import { findHeldRuns } from "../store/runs.ts";

export async function deregisterRunner(
  deps: Deps,
  projectId: string,
  runnerId: string,
  bySelf: boolean,
): Promise<void> {
  const runner = await findRunner(deps.store.db, runnerId);
  if (runner === null || runner.projectId !== projectId)
    throw new ParallaxError("runner_not_found", `no runner ${runnerId}`);
  if (!bySelf) {
    await setRunnerState(deps.store.db, runnerId, "deregistering");
    return;
  }
  for (const held of await findHeldRuns(deps.store.db, runnerId)) {
    await transact(deps, async (tx, effects) => {
      const locked = await lockForEnd(tx, held.id);
      const { run } = locked;
      // a supervised attempt lives without its runner
      if (run.runnerId !== runnerId || run.phase === "supervised" || run.attempt !== held.attempt) return;
      await loseRun(deps, tx, effects, locked, "Runner disconnected during execution", true);
    });
  }
  await deleteRunner(deps.store.db, runnerId);
}
