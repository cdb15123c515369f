import type { Outcome } from "@parallax/shared/outcome";
import type { RunState } from "@parallax/shared/run-state";

/**
 * What should be true, as plain objects: a second, independent statement of the rules. Where the coordinator reacts to events one by
 * one, the model says what must hold when nothing moves any more (`rules.ts`, `come-to-rest.ts`), and what each happening changes.
 */
export interface World {
  readonly limits: ModelLimits;
  readonly runners: readonly ModelRunner[];
  readonly sessions: Session[];
  readonly runs: Run[];
  /** Also those of deleted runs: their authors live on and speak. */
  readonly attempts: Attempt[];
  readonly duties: Duty[];
  readonly items: Item[];
  readonly calls: Call[];
  /** Runs made in each tree so far, by the root's id; never counts down. */
  readonly made: Map<string, number>;
  /** Counts ends and creations. */
  time: number;
}

export interface ModelLimits {
  readonly deliveriesMax: number;
  readonly offersMax: number;
  readonly itemDeliveriesMax: number;
  readonly treeDepthMax: number;
  readonly treeFanOutMax: number;
  readonly runsPerTreeMax: number;
}

export interface ModelRunner {
  readonly id: string;
  readonly plain: boolean;
  polls: number;
}

export interface Session {
  readonly id: string;
  readonly root: string;
  readonly depth: number;
  parent: string | null;
  held: boolean;
  /** A cut-off agent may still act in it. */
  occupied: boolean;
  /** `rest` is idle or waiting: whether it awaits something is told by `settled`. */
  look: "pending" | "running" | "rest" | "stopping" | "stopped" | "failed";
}

export interface Run {
  /** Null until the real one is seen: runs that the coordinator makes by itself. */
  id: string | null;
  made: number;
  readonly session: string;
  readonly type: "start_session" | "resume_session";
  readonly owed: boolean;
  readonly mode: "sync" | "async_poll" | "async_callback";
  readonly parentRun: Run | null;
  readonly join: "each" | "all";
  readonly onLost: "resume" | "restart" | "fail";
  readonly priority: number;
  state: RunState;
  outcome: Outcome | null;
  ended: number;
  expires: boolean;
  waitsForTime: boolean;
  offerPaused: boolean;
  attempt: number;
  deliveries: number;
  offers: number;
}

export interface Attempt {
  readonly run: Run;
  readonly number: number;
  readonly runner: ModelRunner;
  readonly pollId: string;
  readonly told: readonly Item[];
  incarnation: string | null;
  lapsed: boolean;
  /** The end that was accepted; a repeat of it is answered alike. */
  acceptedEnd: string | null;
}

export interface Duty {
  readonly child: string;
  readonly parent: string;
  readonly group: Run | null;
  readonly origin: Run;
  item: Item | null;
}

export interface Item {
  id: string | null;
  readonly session: string;
  readonly child: string | null;
  readonly group: Run | null;
  /** What a report says: which end it tells of. */
  readonly says: Outcome | null;
  state: "new" | "assigned" | "taken" | "consumed" | "set_aside";
  run: Run | null;
  /** The newest attempt that was told of it. */
  told: number | null;
  deliveries: number;
  paused: boolean;
  reservedBy: Call | null;
}

/** A synchronous call of an agent that waits for a child. */
export interface Call {
  readonly attempt: Attempt;
  readonly number: number;
  readonly duty: Duty;
  readonly sessionId: string;
  answered: boolean;
}

export function emptyWorld(limits: ModelLimits, runners: readonly ModelRunner[]): World {
  return {
    limits,
    runners,
    sessions: [],
    runs: [],
    attempts: [],
    duties: [],
    items: [],
    calls: [],
    made: new Map(),
    time: 0,
  };
}
