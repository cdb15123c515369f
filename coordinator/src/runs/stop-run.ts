/**
 * Stop: pending → stopped at once; claimed and running → stopping, and the supervisor is told. Idempotent, cascading in one transaction.
 * Called by: POST /runs/{id}/stop, POST /sessions/{id}/stop, MCP.  Requires: the tree's lock, taken here.
 * Writes: runs, sessions (held), directives, duties, inbox_items.  Emits: directives, runner and session wakes.
 * A stop never refreshes liveness. The inboxes of stopped sessions are held; reports from children that are part of the same stop to
 * parents that are part of it too are born consumed.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import { type Deps, TOPICS } from "../deps.ts";
import { type Effects, transact } from "../effects.ts";
import { payDuty } from "../inbox/pay-duty.ts";
import { lockKnownSession } from "../sessions/lock-known-session.ts";
import { settleSession } from "../sessions/settle-session.ts";
import { databaseNow } from "../store/database-time.ts";
import { addDirective } from "../store/directives.ts";
import { findDutiesOwedBy } from "../store/duties.ts";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { changeRun, findNewestRun, findOpenRuns, findRun } from "../store/runs.ts";
import { changeSession, findSession, findSubtree, lockSession, moveSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { endRun } from "./end-run.ts";

export interface StopRequest {
  readonly projectId: string;
  readonly sessionId: string;
  /** Stop only this run, when it waits behind an active one. */
  readonly runId: string | null;
  readonly cascade: boolean;
  readonly reason: string;
}

export interface StopAnswer {
  readonly runId: string | null;
  readonly sessionId: string;
  readonly status: string;
  readonly stoppedRuns: readonly string[];
}

export async function stopSession(deps: Deps, request: StopRequest): Promise<StopAnswer> {
  const seen = await findSession(deps.store.db, request.projectId, request.sessionId);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${request.sessionId}' not found`);
  return await transact(deps, async (tx, effects) => {
    await lockKnownSession(tx, seen);
    const named = request.runId === null ? null : await findRun(tx, request.runId);
    if (named !== null && isTerminalRun(named.state))
      return { runId: named.id, sessionId: seen.id, status: named.state, stoppedRuns: [] };
    const ids = request.cascade ? await findSubtree(tx, request.projectId, seen.id) : [seen.id];
    const stopped: string[] = [];
    const queuedOnly = named !== null && (await waitsBehindAnother(tx, named));
    if (queuedOnly) {
      await stopOneQueued(deps, tx, effects, named);
      stopped.push(named.id);
    } else {
      await consumeInside(deps, tx, request.projectId, new Set(ids));
      for (const id of ids) stopped.push(...(await stopOneSession(deps, tx, effects, request, id)));
    }
    const after =
      request.runId === null ? await findNewestRun(tx, request.projectId, seen.id) : await findRun(tx, request.runId);
    return { runId: after?.id ?? null, sessionId: seen.id, status: after?.state ?? seen.state, stoppedRuns: stopped };
  });
}

/** Cancelling one queued turn must not end the turn that is being worked on. */
async function waitsBehindAnother(tx: Tx, run: RunRecord): Promise<boolean> {
  if (run.state !== "pending") return false;
  return (await findOpenRuns(tx, run.projectId, run.sessionId)).some((other) => other.run.id !== run.id);
}

async function stopOneQueued(deps: Deps, tx: Tx, effects: Effects, run: RunRecord): Promise<void> {
  const session = await lockSession(tx, run.projectId, run.sessionId);
  if (session === null) return;
  await endRun(deps, tx, effects, session, run, { outcome: "stopped", treeGone: true });
}

async function stopOneSession(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  request: StopRequest,
  sessionId: string,
): Promise<string[]> {
  const session = await lockSession(tx, request.projectId, sessionId);
  if (session === null) return [];
  await changeSession(tx, request.projectId, sessionId, { held: true });
  const held: SessionRecord = { ...session, held: true };
  const open = await findOpenRuns(tx, request.projectId, sessionId);
  const stopped: string[] = [];
  if (open.length === 0 && session.settledAt === null) await moveSession(tx, held, "run_stopped");
  for (const { run } of open) {
    if (run.state === "stopping") continue;
    stopped.push(run.id);
    if (run.state === "pending") await endRun(deps, tx, effects, held, run, { outcome: "stopped", treeGone: true });
    else await beginStop(tx, effects, held, run, request.reason);
  }
  if (open.length === 0) await settleSession(deps, tx, effects, request.projectId, sessionId);
  effects.session(request.projectId, sessionId);
  return stopped;
}

async function beginStop(
  tx: Tx,
  effects: Effects,
  session: SessionRecord,
  run: RunRecord,
  reason: string,
): Promise<void> {
  await changeRun(tx, run.id, { state: "stopping", stopRequestedAt: databaseNow, stopReason: reason });
  await addDirective(tx, { runId: run.id, attempt: run.attempt, kind: "stop", reason, itemId: null });
  await moveSession(tx, session, "stop_requested");
  effects.wake(TOPICS.directives, run.id);
  if (run.runnerId !== null) effects.wake(TOPICS.runner, run.runnerId);
}

/** Both ends are part of this stop: the report is written, and nobody needs to read it. */
async function consumeInside(deps: Deps, tx: Tx, projectId: string, stopped: ReadonlySet<string>): Promise<void> {
  for (const id of stopped) {
    for (const duty of await findDutiesOwedBy(tx, projectId, id)) {
      if (!stopped.has(duty.parentSessionId)) continue;
      const newest = await findNewestRun(tx, projectId, id);
      if (newest !== null)
        await payDuty(
          deps,
          tx,
          duty,
          { ...newest, state: isTerminalRun(newest.state) ? newest.state : "stopped" },
          "consumed",
        );
    }
  }
}
