/**
 * End: the one place where a run becomes terminal. completed | failed | stopped, exactly once.
 * Called by: complete, report, stop, lose, expire.  Requires: locks of tree, session and run, and a judged transition.
 * Writes: runs, attempts, sessions, inbox_items, duties, events, and whatever the end makes ready (one transaction).
 * Emits: session, events and directives wakes; hints.
 * Order matters: apply taken → return items → assign → settle → promote.
 * A run that only waited behind others ends alone: its session goes on with what it works on.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { type Outcome, stateOfOutcome } from "@parallax/shared/outcome";
import { answerRunEvent, type RunEvent } from "@parallax/shared/run-state";
import type { SessionEvent } from "@parallax/shared/session-state";
import { type Deps, TOPICS } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { sealWithoutAttempt } from "../events/seal-stream.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { settleSession } from "../sessions/settle-session.ts";
import { endAttempt } from "../store/attempts.ts";
import { databaseNow } from "../store/database-time.ts";
import { consumeItems, findItemsOfRun, giveBackItems, releaseReservations, takeItems } from "../store/inbox.ts";
import type { RunErrorRecord, RunRecord, SessionRecord } from "../store/records.ts";
import { changeRun, hasOpenRun } from "../store/runs.ts";
import { changeSession, moveSession, occupySession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

export interface RunEnd {
  readonly outcome: Outcome;
  readonly error?: RunErrorRecord | null;
  readonly resultText?: string | null;
  readonly resultData?: unknown;
  readonly usage?: Record<string, unknown> | null;
  readonly exit?: Record<string, unknown> | null;
  readonly executorSessionId?: string | null;
  /** Items the agent took, by explicit ids. Left out when the server ends the run by itself: then no end contains what was taken. */
  readonly itemsTaken?: readonly string[];
  /** Whether the author vouches that no process of the attempt is left; otherwise the session stays occupied until the lease would have run out. */
  readonly treeGone: boolean;
  readonly attemptEnd?: "lapsed" | "lost" | "given_up";
}

export async function endRun(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  session: SessionRecord,
  run: RunRecord,
  end: RunEnd,
): Promise<void> {
  const state = stateOfOutcome(end.outcome);
  requireTransition(run, end, state);
  await changeRun(tx, run.id, {
    state,
    outcome: end.outcome,
    error: end.error ?? null,
    resultText: end.resultText ?? null,
    resultData: end.resultData ?? null,
    usage: end.usage ?? null,
    exit: end.exit ?? null,
    ready: false,
    waitingFor: null,
    phase: null,
    leaseExpiresAt: null,
    finishedAt: databaseNow,
  });
  if (run.attempt > 0) await endAttempt(tx, run.id, run.attempt, end.attemptEnd ?? state);
  else await sealWithoutAttempt(deps, tx, run.id);
  effects.wake(TOPICS.log, run.id);
  if (!end.treeGone && run.leaseExpiresAt !== null)
    await occupySession(tx, run.projectId, run.sessionId, run.leaseExpiresAt);
  if (end.executorSessionId != null)
    await changeSession(tx, run.projectId, run.sessionId, { executorSessionId: end.executorSessionId });
  if (run.attempt > 0 || !(await hasOpenRun(tx, run.projectId, run.sessionId)))
    await moveSession(tx, session, SESSION_EVENT[state]);

  await applyItems(deps, tx, effects, run, end);
  // a waiting call of this run can no longer hand anything out: what it reserved becomes an ordinary report
  await releaseReservations(tx, run.projectId, run.sessionId);
  await assignInbox(deps, tx, effects, run.projectId, run.sessionId);
  await settleSession(deps, tx, effects, run.projectId, run.sessionId);
  await promoteSession(tx, effects, run.projectId, run.sessionId);
  if (run.ready) effects.unready(run.laneId, run.id);
  effects.session(run.projectId, run.sessionId);
  effects.wake(TOPICS.events, run.id);
  effects.wake(TOPICS.directives, run.id);
}

const RUN_EVENT: Readonly<Record<"completed" | "failed" | "stopped", RunEvent>> = {
  completed: "complete",
  failed: "fail",
  stopped: "stop",
};

/** The table decides, also over ends that the coordinator makes by itself: a mistake here must not become a row. */
function requireTransition(run: RunRecord, end: RunEnd, state: "completed" | "failed" | "stopped"): void {
  const givenUp = end.attemptEnd === "lost" || end.attemptEnd === "given_up";
  const event = end.outcome === "expired" ? "expire" : givenUp ? "give_up" : RUN_EVENT[state];
  if (answerRunEvent(run.state, event) !== state) {
    throw new ParallaxError("internal", `run ${run.id} cannot go from ${run.state} to ${state} by ${event}`);
  }
}

const SESSION_EVENT: Readonly<Record<"completed" | "failed" | "stopped", SessionEvent>> = {
  completed: "turn_ended",
  failed: "run_failed",
  stopped: "run_stopped",
};

/** The agent never got the message, or could not do anything with it: its items go back to the line. */
const UNDELIVERED: ReadonlySet<Outcome> = new Set<Outcome>([
  "usage_limited",
  "executor_error",
  "infra_error",
  "lost",
  "poison",
  "expired",
]);

async function applyItems(deps: Deps, tx: Tx, effects: Effects, run: RunRecord, end: RunEnd): Promise<void> {
  if (run.attempt > 0) await takeItems(tx, run.id, run.attempt, end.itemsTaken ?? []);
  const items = await findItemsOfRun(tx, run.id);
  if (items.length === 0) return;
  const delivered =
    end.itemsTaken !== undefined && !UNDELIVERED.has(end.outcome) && end.error?.code !== "agent_api_error";
  const consumed = delivered ? items.filter((item) => item.state === "taken") : [];
  await consumeItems(
    tx,
    consumed.map((item) => item.id),
  );
  const returned = items.filter((item) => !consumed.includes(item));
  const pauseMs = await giveBackItems(tx, returned, deps.limits.itemDeliveriesMax, end.outcome !== "stopped");
  if (pauseMs !== null) effects.later("assign", run.projectId, run.sessionId, pauseMs);
}
