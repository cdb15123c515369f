/**
 * Long polls and the runs that become ready find each other here. A poll makes one indexed look when it arrives and none while it is
 * held; a wake of a lane lets the longest waiting poll that covers the lane try to claim. The claim itself is always Postgres's.
 */
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import { type Deps, TOPICS } from "../deps.ts";
import { withdrawOffers } from "../leases/withdraw-offers.ts";
import { type ClaimRequest, claimRuns } from "../runs/claim-runs.ts";
import { findLane, listLanes } from "../store/lanes.ts";
import type { LaneRecord, RunnerRecord } from "../store/records.ts";
import { matchesRunner } from "./match-lane.ts";

export interface Poll {
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

interface Waiter {
  readonly poll: Poll;
  readonly lanes: Set<string>;
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
  readonly waiting: number;
  close(): void;
}

export function createDispatcher(deps: Deps): Dispatcher {
  const lanesByProject = new Map<string, Map<string, LaneRecord>>();
  const waiters = new Set<Waiter>();

  async function lanesFor(runner: RunnerRecord): Promise<Set<string>> {
    const lanes = await listLanes(deps.store.db, runner.projectId);
    lanesByProject.set(runner.projectId, new Map(lanes.map((lane) => [lane.id, lane])));
    return new Set(lanes.filter((lane) => matchesRunner(lane.demands, runner)).map((lane) => lane.id));
  }

  /** A wake for a lane that was made after the poll arrived: matched once, then known. */
  async function learnLane(laneId: string): Promise<LaneRecord | null> {
    for (const lanes of lanesByProject.values()) {
      const known = lanes.get(laneId);
      if (known !== undefined) return known;
    }
    const lane = await findLane(deps.store.db, laneId);
    if (lane === null) return null;
    const lanes = lanesByProject.get(lane.projectId) ?? new Map<string, LaneRecord>();
    lanesByProject.set(lane.projectId, lanes);
    lanes.set(lane.id, lane);
    for (const waiter of waiters) {
      if (waiter.poll.runner.projectId === lane.projectId && matchesRunner(lane.demands, waiter.poll.runner))
        waiter.lanes.add(lane.id);
    }
    return lane;
  }

  async function tryClaim(waiter: Waiter): Promise<boolean> {
    if (!waiters.has(waiter)) return true;
    waiter.claiming = true;
    try {
      const claimed = await claimRuns(deps, claimRequest(waiter));
      if (claimed.length === 0) return false;
      for (const { laneId, offer } of claimed) void deps.queue.dropHint(laneId, offer.run_id).catch(() => undefined);
      if (!waiter.settle(claimed.map(({ offer }) => offer)))
        await withdrawOffers(
          deps,
          claimed.map(({ offer }) => offer),
        );
      return true;
    } finally {
      waiter.claiming = false;
    }
  }

  /** Looks until nothing was missed meanwhile; true when the waiter is served or gone. */
  async function claimUntilQuiet(waiter: Waiter): Promise<boolean> {
    do {
      waiter.missed = false;
      if (await tryClaim(waiter)) return true;
    } while (waiter.missed);
    return false;
  }

  async function onLane(laneId: string): Promise<void> {
    if ((await learnLane(laneId)) === null) return;
    for (const waiter of waiters) {
      if (!waiter.lanes.has(laneId)) continue;
      if (waiter.claiming) {
        waiter.missed = true;
        continue;
      }
      // served, or nothing was left to claim because somebody else has it: the other polls need not look
      await claimUntilQuiet(waiter);
      return;
    }
  }

  const unsubscribe = deps.wake.subscribe(TOPICS.lane, (laneId) => {
    onLane(laneId).catch((error: unknown) =>
      deps.logger.warn({ err: error, laneId }, "claim after a wake failed; the sweep will repeat it"),
    );
  });

  return {
    get waiting() {
      return waiters.size;
    },
    serve: async (poll) => {
      const lanes = await lanesFor(poll.runner);
      return await new Promise<OfferedRun[]>((resolve, reject) => {
        const settle = (offers: OfferedRun[]): boolean => {
          if (!waiters.delete(waiter)) return false;
          clearTimeout(timer);
          poll.signal.removeEventListener("abort", hangUp);
          resolve(offers);
          return true;
        };
        const hangUp = () => void settle([]);
        const waiter: Waiter = { poll, lanes, settle, claiming: false, missed: false };
        const timer = setTimeout(hangUp, poll.holdMs);
        // registered before the look: a run that becomes ready in between wakes it
        waiters.add(waiter);
        poll.signal.addEventListener("abort", hangUp, { once: true });
        claimUntilQuiet(waiter).catch((error: unknown) => {
          waiters.delete(waiter);
          clearTimeout(timer);
          reject(error as Error);
        });
      });
    },
    interrupt: (runnerId) => {
      for (const waiter of waiters) if (waiter.poll.runner.id === runnerId) waiter.settle([]);
    },
    close: () => {
      unsubscribe();
      for (const waiter of waiters) waiter.settle([]);
    },
  };
}

function claimRequest(waiter: Waiter): ClaimRequest {
  const { poll } = waiter;
  return {
    runner: poll.runner,
    laneIds: [...waiter.lanes],
    count: poll.count,
    instanceId: poll.instanceId,
    pollId: poll.pollId,
    plain: poll.plain,
    onlyRunId: poll.onlyRunId,
  };
}
