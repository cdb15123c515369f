/** The process's own time. Leases are never judged by it: that is Postgres's clock. */
export interface Clock {
  /** Milliseconds since the epoch, for display and logs. */
  now(): number;
  /** Milliseconds that never go backwards, for durations and deadlines of this process. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
