import type { LaneRecord, RunnerRecord } from "../store/records.ts";
import { matchesRunner } from "./match-lane.ts";

/** A held poll as the index sees it. */
export interface Waiting {
  readonly runner: RunnerRecord;
  readonly lanes: Set<string>;
}

/**
 * Held polls by the lanes they may serve, in the order in which they arrived. A lane that was made after a poll arrived is matched against
 * all held polls once, at its first wake; whether a newer poll knows the lane already says nothing about the older ones.
 */
export class WaitingPolls<W extends Waiting> {
  readonly #all = new Set<W>();
  readonly #byLane = new Map<string, Set<W>>();
  readonly #matched = new Set<string>();

  get size(): number {
    return this.#all.size;
  }

  has(waiter: W): boolean {
    return this.#all.has(waiter);
  }

  all(): Iterable<W> {
    return this.#all;
  }

  add(waiter: W): void {
    this.#all.add(waiter);
    for (const laneId of waiter.lanes) this.#enter(laneId, waiter);
  }

  /** Lanes that the waiter may serve; nothing when its poll is over already. */
  cover(waiter: W, lanes: readonly LaneRecord[]): void {
    if (!this.#all.has(waiter)) return;
    for (const lane of lanes) {
      waiter.lanes.add(lane.id);
      this.#enter(lane.id, waiter);
    }
  }

  delete(waiter: W): boolean {
    for (const laneId of waiter.lanes) {
      const waiters = this.#byLane.get(laneId);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#byLane.delete(laneId);
    }
    return this.#all.delete(waiter);
  }

  knows(laneId: string): boolean {
    return this.#matched.has(laneId);
  }

  learn(lane: LaneRecord): void {
    this.#matched.add(lane.id);
    for (const waiter of this.#all) {
      if (waiter.runner.projectId !== lane.projectId || !matchesRunner(lane.demands, waiter.runner)) continue;
      waiter.lanes.add(lane.id);
      this.#enter(lane.id, waiter);
    }
  }

  of(laneId: string): Iterable<W> {
    return this.#byLane.get(laneId) ?? [];
  }

  #enter(laneId: string, waiter: W): void {
    const waiters = this.#byLane.get(laneId) ?? new Set<W>();
    this.#byLane.set(laneId, waiters);
    waiters.add(waiter);
  }
}
