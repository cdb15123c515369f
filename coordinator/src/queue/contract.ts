/**
 * The queue is a messenger: it says that something may be worth a look, and when. What is true is in Postgres's rows,
 * and every message is checked against them. Losing all of it costs latency until the next sweep, never a run.
 */
export interface Queue {
  /** Says that this lane has one more ready run. Saying it twice changes nothing. Rejects within 5 s when it cannot. */
  putHint(laneId: string, runId: string): Promise<void>;
  /** Takes the oldest hint of a lane and forgets it; null at once when there is none. Two callers never get the same one. */
  takeHint(laneId: string): Promise<string | null>;
  /** Forgets a hint that is known to be void. Best effort: an outage is not an error, a stale hint does no harm. */
  dropHint(laneId: string, runId: string): Promise<void>;
  /** One-shot. A timer of the same id that has not fired is replaced, delay and data; one that is firing runs to its end. */
  setTimer(timer: TimerRequest): Promise<void>;
  /** Nothing happens when the timer has fired, is firing or never was. */
  cancelTimer(id: string): Promise<void>;
  /**
   * Names the one handler of all timers; they fire from now on. At least once: a rejection is retried with growing pauses,
   * and a timer whose process died fires again elsewhere.
   */
  onTimer(handler: TimerHandler): void;
  /** Runs a sweep again and again in this process alone, with or without a working messenger, and never twice at once. */
  every(name: string, intervalMs: number, handler: () => Promise<void>): void;
  /** Lets running handlers end, then gives all connections back. */
  close(): Promise<void>;
}

export interface Timer {
  readonly id: string;
  readonly kind: string;
  /** Ids only: what a timer is about is read from the rows when it fires. */
  readonly data: Readonly<Record<string, string>>;
}

export interface TimerRequest extends Timer {
  readonly delayMs: number;
}

export type TimerHandler = (timer: Timer) => Promise<void>;
