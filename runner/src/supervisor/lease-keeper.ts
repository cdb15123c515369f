import type { Clock } from "@parallax/shared/clock";

/** A point in time on both clocks: the monotonic one stops while a machine is suspended, the wall clock may be set. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function takeMoment(clock: Clock): Moment {
  return { monotonicMs: clock.monotonic(), wallMs: clock.now() };
}

/** The larger of both: after a suspend only the wall clock knows; a wall clock set back must not lengthen a lease. */
function elapsedMs(since: Moment, now: Moment): number {
  return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs);
}

/**
 * run     the lease can be trusted
 * freeze  nobody knows whether the attempt is still ours: no effects until the coordinator has said so
 * kill    that has lasted too long
 */
export type LeaseVerdict = "run" | "freeze" | "kill";

/**
 * Trusts a lease from the *send* of its last successful renewal, so that the holder stops before the coordinator may
 * give the work away, whatever the network did to the answer. Pure but for what it remembers; the caller brings the time.
 */
export class LeaseKeeper {
  readonly #frozenKillAfterMs: number;
  #sentAt: Moment;
  #freezeAfterMs: number;
  #frozenSinceMs: number | null = null;

  constructor(sentAt: Moment, freezeAfterMs: number, frozenKillAfterMs: number) {
    this.#sentAt = sentAt;
    this.#freezeAfterMs = freezeAfterMs;
    this.#frozenKillAfterMs = frozenKillAfterMs;
  }

  /** An accepted renewal. Answers may overtake each other: an older one changes nothing. */
  renewed(sentAt: Moment, freezeAfterMs: number): void {
    if (sentAt.monotonicMs < this.#sentAt.monotonicMs) return;
    this.#sentAt = sentAt;
    this.#freezeAfterMs = freezeAfterMs;
  }

  renewedAgoMs(now: Moment): number {
    return elapsedMs(this.#sentAt, now);
  }

  get freezeAfterMs(): number {
    return this.#freezeAfterMs;
  }

  judge(now: Moment): LeaseVerdict {
    if (elapsedMs(this.#sentAt, now) < this.#freezeAfterMs) {
      this.#frozenSinceMs = null;
      return "run";
    }
    // Time spent suspended does not count here: whoever wakes up may ask before the work is thrown away.
    this.#frozenSinceMs ??= now.monotonicMs;
    return now.monotonicMs - this.#frozenSinceMs >= this.#frozenKillAfterMs ? "kill" : "freeze";
  }
}
