/**
 * The life of a session as a total table. A session is never dead: everything but deletion can be resumed.
 * waiting: its newest run ended, but a child it must hear from is not settled, or a request is open.
 */
export const SESSION_STATES = [
  "pending",
  "running",
  "idle",
  "waiting",
  "stopping",
  "stopped",
  "failed",
  "finished",
] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/**
 * run_started     one of its runs began
 * turn_ended      a run ended well and nothing is awaited
 * turn_awaits     a run ended well and a child, a request or an undelivered item is awaited
 * run_failed      its newest run failed
 * stop_requested  its active run was asked to stop
 * run_stopped     its newest run ended as stopped
 * finish          somebody declared it finished (a request, or a legacy report)
 */
export const SESSION_EVENTS = [
  "run_started",
  "turn_ended",
  "turn_awaits",
  "run_failed",
  "stop_requested",
  "run_stopped",
  "finish",
] as const;
export type SessionEvent = (typeof SESSION_EVENTS)[number];

const AT_REST: Readonly<Record<SessionEvent, SessionState | "ignored">> = {
  run_started: "running",
  turn_ended: "idle",
  turn_awaits: "waiting",
  run_failed: "failed",
  stop_requested: "stopped",
  run_stopped: "stopped",
  finish: "finished",
};

export const SESSION_TRANSITIONS: Readonly<
  Record<SessionState, Readonly<Record<SessionEvent, SessionState | "ignored">>>
> = {
  pending: AT_REST,
  running: { ...AT_REST, run_started: "ignored", stop_requested: "stopping", finish: "ignored" },
  idle: AT_REST,
  waiting: AT_REST,
  // a turn may still end well while it is being stopped; the end that is accepted decides
  stopping: { ...AT_REST, run_started: "ignored", stop_requested: "ignored", finish: "ignored" },
  // an item that is paid late must not wake the look of a stopped, failed or finished session
  stopped: {
    ...AT_REST,
    turn_ended: "ignored",
    turn_awaits: "ignored",
    stop_requested: "ignored",
    run_stopped: "ignored",
  },
  failed: { ...AT_REST, run_failed: "ignored", turn_ended: "ignored", turn_awaits: "ignored" },
  finished: { ...AT_REST, turn_ended: "ignored", turn_awaits: "ignored", finish: "ignored" },
};

export function nextSessionState(state: SessionState, event: SessionEvent): SessionState {
  const next = SESSION_TRANSITIONS[state][event];
  return next === "ignored" ? state : next;
}
