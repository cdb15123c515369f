/**
 * The life of a run as a total table: every state answers every event.
 * Pure: no clock, no I/O. The store's conditional UPDATEs are its thin interpreters.
 */
export const RUN_STATES = ["pending", "claimed", "running", "stopping", "completed", "failed", "stopped"] as const;
export type RunState = (typeof RUN_STATES)[number];

/**
 * claim        a runner's poll takes the run; attempt + 1
 * start        the claimer says that it is about to spawn; ends the offer, begins the lease
 * lapse        an offer was never started within its deadline
 * lose         the lease ran out, or the runner found its supervisor dead; the run may be tried again
 * give_up      lost or offered too often, or policy forbids another try
 * retake       a supervisor that was cut off is still the newest attempt of an unclaimed run
 * complete     an accepted end: the agent did its work
 * fail         an accepted end: the agent or its surroundings failed
 * request_stop somebody asked for a stop
 * stop         an accepted end: the tree is gone because of a stop, or nobody answered one
 * expire       it waited longer than its queue time
 */
export const RUN_EVENTS = [
  "claim",
  "start",
  "lapse",
  "lose",
  "give_up",
  "retake",
  "complete",
  "fail",
  "request_stop",
  "stop",
  "expire",
] as const;
export type RunEvent = (typeof RUN_EVENTS)[number];

/** `ignored`: accepted and changes nothing. `refused`: the author hears a 409. */
export type RunAnswer = RunState | "ignored" | "refused";

const TERMINAL: Readonly<Record<RunEvent, RunAnswer>> = {
  claim: "refused",
  start: "ignored", // a slow `started` behind a fast completion never moves a run backwards
  lapse: "ignored",
  lose: "ignored",
  give_up: "ignored",
  retake: "refused",
  complete: "refused", // a repeat of the accepted end is recognised before this table is asked
  fail: "refused",
  request_stop: "ignored",
  stop: "refused",
  expire: "ignored",
};

export const RUN_TRANSITIONS: Readonly<Record<RunState, Readonly<Record<RunEvent, RunAnswer>>>> = {
  pending: {
    claim: "claimed",
    start: "refused",
    lapse: "ignored",
    lose: "ignored",
    give_up: "failed",
    retake: "running",
    complete: "completed", // late, but no newer attempt was claimed: finished work is not thrown away
    fail: "failed",
    request_stop: "stopped",
    stop: "stopped",
    expire: "failed",
  },
  claimed: {
    claim: "refused",
    start: "running",
    lapse: "pending",
    lose: "ignored",
    give_up: "failed",
    retake: "refused",
    complete: "completed",
    fail: "failed",
    request_stop: "stopping",
    stop: "stopped",
    expire: "ignored",
  },
  running: {
    claim: "refused",
    start: "ignored",
    lapse: "ignored",
    lose: "pending",
    give_up: "failed",
    retake: "ignored",
    complete: "completed",
    fail: "failed",
    request_stop: "stopping",
    stop: "stopped",
    expire: "ignored",
  },
  stopping: {
    claim: "refused",
    start: "refused",
    lapse: "stopped",
    lose: "stopped",
    give_up: "stopped",
    retake: "refused",
    complete: "completed",
    fail: "failed",
    request_stop: "ignored",
    stop: "stopped",
    expire: "ignored",
  },
  completed: TERMINAL,
  failed: TERMINAL,
  stopped: TERMINAL,
};

export function answerRunEvent(state: RunState, event: RunEvent): RunAnswer {
  return RUN_TRANSITIONS[state][event];
}

export const TERMINAL_RUN_STATES = ["completed", "failed", "stopped"] as const satisfies readonly RunState[];
/** At most one run of a session is in one of these. */
export const ACTIVE_RUN_STATES = ["claimed", "running", "stopping"] as const satisfies readonly RunState[];

export function isTerminalRun(state: RunState): boolean {
  return (TERMINAL_RUN_STATES as readonly RunState[]).includes(state);
}

export function isActiveRun(state: RunState): boolean {
  return (ACTIVE_RUN_STATES as readonly RunState[]).includes(state);
}
