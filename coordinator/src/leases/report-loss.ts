/**
 * A runner reports that an attempt's supervisor is dead, its tree is gone and no completion was found: no need to wait for the lease.
 * Called by: POST /runner/runs/{id}/lost.  Requires: the newest attempt's token and the runner's newest instance.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Claimer } from "../auth/identify-claimer.ts";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { fence } from "../runs/fence.ts";
import { lockForEnd } from "../runs/lock-for-end.ts";
import { loseRun } from "./lose-run.ts";

export async function reportLoss(deps: Deps, claimer: Claimer, instanceId: string, reason: string): Promise<void> {
  await transact(deps, async (tx, effects) => {
    const locked = await lockForEnd(tx, claimer.runId);
    const { run } = locked;
    // a repeat, or the sweep was faster: the loss is known
    if (isTerminalRun(run.state) || run.attempt > claimer.attempt || run.state === "pending") return;
    fence(run, claimer);
    if (run.instanceId !== null && run.instanceId !== instanceId) {
      throw new ParallaxError("duplicate_runner", "a newer process of this runner has taken over");
    }
    await loseRun(deps, tx, effects, locked, reason, true);
  });
}
