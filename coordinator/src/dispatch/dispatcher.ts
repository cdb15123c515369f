/**
 * Long polls and the runs that become ready find each other here. A poll makes one indexed look when it arrives and none while it is
 * held; a wake of a lane lets the longest waiting poll that covers the lane try to claim. The claim itself is always Postgres's.
 */
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import { type Deps, TOPICS } from "../deps.ts";
import { withdrawOffers } from "../leases/withdraw-offers.ts";
import { claimRuns } from "../runs/claim-runs.ts";
import { laneHasReadyRun } from "../store/claims.ts";
import { findLane, listLanes } from "../store/lanes.ts";
import type { RunnerRecord } from "../store/records.ts";
import { matchesRunner } from "./match-lane.ts";
import { type Waiting, WaitingPolls } from "./waiting-polls.ts";

interface Poll {
  readonly runner: RunnerRecord;
  readonly count: number;
  readonly instanceId: string | null;
  readonly pollId: string | null;
  readonly plain: boolean;
  readonly onlyRunId: string | null;
  readonly holdMs: number;
  /** Aborted when the runner hung up. */
  readonly signal: AbortSignal;
}

interface Waiter extends Waiting {
  readonly poll: Poll;
  /** False when the poll is over already. */
  readonly settle: (offers: OfferedRun[]) => boolean;
  claiming: boolean;
  /** A wake that came while it was claiming. */
  missed: boolean;
}

export interface Dispatcher {
  /** Offers for the poll, or none when its time is over, it was cut short, or the coordinator shuts down. */
  serve(poll: Poll): Promise<OfferedRun[]>;
  /** Ends the hold of a runner's polls: there is something else to tell it. */
  interrupt(runnerId: string): void;
  close(): void;
}

export function createDispatcher(deps: Deps): Dispatcher {
  return new LongPolls(deps);
}

class LongPolls implements Dispatcher {
  readonly #deps: Deps;
  readonly #waiters = new WaitingPolls<Waiter>();
  readonly #unsubscribe: () => void;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.wake.subscribe(TOPICS.lane, (laneId) => {
      this.#onLane(laneId).catch((error: unknown) => {
        deps.logger.warn({ err: error, laneId }, "claim after a wake failed; the sweep will repeat it");
      });
    });
  }

  async serve(poll: Poll): Promise<OfferedRun[]> {
    if (poll.signal.aborted) return [];
    return await new Promise<OfferedRun[]>((resolve, reject) => {
      const settle = (offers: OfferedRun[]): boolean => {
        if (!this.#waiters.delete(waiter)) return false;
        clearTimeout(timer);
        poll.signal.removeEventListener("abort", hangUp);
        resolve(offers);
        return true;
      };
      const hangUp = () => void settle([]);
      const waiter: Waiter = { poll, runner: poll.runner, lanes: new Set(), settle, claiming: false, missed: false };
      const timer = setTimeout(hangUp, poll.holdMs);
      poll.signal.addEventListener("abort", hangUp, { once: true });
      // registered before it reads the lanes and looks: a lane that is made, or a run that becomes ready, in between is not missed
      this.#waiters.add(waiter);
      this.#begin(waiter).catch((error: unknown) => {
        // rejected first: settling resolves, and only the first of both counts
        reject(error as Error);
        settle([]);
      });
    });
  }

  async #begin(waiter: Waiter): Promise<void> {
    const lanes = await listLanes(this.#deps.store.db, waiter.runner.projectId);
    this.#waiters.cover(
      waiter,
      lanes.filter((lane) => matchesRunner(lane.demands, waiter.runner)),
    );
    await this.#claimUntilQuiet(waiter);
  }

  interrupt(runnerId: string): void {
    for (const waiter of [...this.#waiters.all()]) if (waiter.runner.id === runnerId) waiter.settle([]);
  }

  close(): void {
    this.#unsubscribe();
    for (const waiter of [...this.#waiters.all()]) waiter.settle([]);
  }

  async #onLane(laneId: string): Promise<void> {
    if (!this.#waiters.knows(laneId)) {
      const lane = await findLane(this.#deps.store.db, laneId);
      if (lane === null) return;
      this.#waiters.learn(lane);
    }
    for (const waiter of this.#waiters.of(laneId)) {
      if (waiter.claiming) {
        waiter.missed = true;
        continue;
      }
      if (await this.#claimUntilQuiet(waiter)) return;
      // nothing was left to claim because somebody else has it: the other polls need not look. Or this one was passed over
      if (!(await laneHasReadyRun(this.#deps.store.db, laneId))) return;
    }
  }

  /** Looks until nothing was missed meanwhile. True when the waiter is served or gone. */
  async #claimUntilQuiet(waiter: Waiter): Promise<boolean> {
    do {
      waiter.missed = false;
      if (await this.#tryClaim(waiter)) return true;
    } while (waiter.missed);
    return false;
  }

  /** True when the waiter is served or gone. */
  async #tryClaim(waiter: Waiter): Promise<boolean> {
    if (!this.#waiters.has(waiter)) return true;
    waiter.claiming = true;
    try {
      const { poll } = waiter;
      const claimed = await claimRuns(this.#deps, { ...poll, laneIds: [...waiter.lanes] });
      if (claimed.length === 0) return false;
      for (const { laneId, offer } of claimed)
        void this.#deps.queue.dropHint(laneId, offer.run_id).catch(() => undefined);
      const offers = claimed.map(({ offer }) => offer);
      if (!waiter.settle(offers)) await withdrawOffers(this.#deps, offers);
      return true;
    } finally {
      waiter.claiming = false;
    }
  }
}
