/**
 * Claim: pending → claimed, attempt + 1, offered to one poll for 15 s.
 * Called by: the dispatcher (arrival look and wake of a long poll).  Requires: a registered, not draining runner.
 * Writes: runs, attempts (one transaction).  Emits: nothing; the offer is the answer.
 * Two polls racing: `skip locked` gives the run to one; the other sees no row, not an error.
 */
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { claimReadyRuns, findOffersOfPoll } from "../store/claims.ts";
import type { RunnerRecord, RunRecord } from "../store/records.ts";
import type { Tx } from "../store/store.ts";
import { makeOffer } from "./make-offer.ts";

export interface ClaimRequest {
  readonly runner: RunnerRecord;
  readonly laneIds: readonly string[];
  readonly count: number;
  readonly instanceId: string | null;
  readonly pollId: string | null;
  readonly plain: boolean;
  readonly onlyRunId: string | null;
}

export interface ClaimedRun {
  readonly laneId: string;
  readonly offer: OfferedRun;
}

export async function claimRuns(deps: Deps, request: ClaimRequest): Promise<ClaimedRun[]> {
  return await transact(deps, async (tx) => {
    const claimed = await claimReadyRuns(tx, { ...request, ...deps.limits });
    return await makeOffers(deps, tx, claimed);
  });
}

/** A poll whose answer was lost asks again with the same id and gets the same unstarted offers; their deadline is not renewed. */
export async function replayOffers(deps: Deps, runnerId: string, pollId: string): Promise<OfferedRun[]> {
  const again = await transact(
    deps,
    async (tx) => await makeOffers(deps, tx, await findOffersOfPoll(tx, runnerId, pollId)),
  );
  return again.map(({ offer }) => offer);
}

async function makeOffers(deps: Deps, tx: Tx, claimed: readonly RunRecord[]): Promise<ClaimedRun[]> {
  const offers: ClaimedRun[] = [];
  for (const run of claimed) offers.push({ laneId: run.laneId, offer: await makeOffer(deps, tx, run) });
  return offers;
}
