/**
 * Withdraw: the poll that was to get these offers is over; they go back at once instead of after 15 s.
 * Called by: the dispatcher.  Writes: runs, attempts.  Emits: hints.
 * Nobody was told of them, so they count against neither the run nor the runner.
 */
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { lockForEnd } from "../runs/lock-for-end.ts";
import { returnOffer } from "./lose-run.ts";

export async function withdrawOffers(deps: Deps, offers: readonly OfferedRun[]): Promise<void> {
  for (const offer of offers) {
    await transact(deps, async (tx, effects) => {
      const locked = await lockForEnd(tx, offer.run_id);
      if (locked.run.state !== "claimed" || locked.run.attempt !== offer.attempt) return;
      await returnOffer(deps, tx, effects, locked.run, "withdrawn");
    });
  }
}
