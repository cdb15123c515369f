/**
 * Settle: a session whose runs have all ended and that awaits nothing is settled, and what it owes is paid in the same transaction.
 * Called by: every transaction that removes something awaited, and the sweep.  Requires: the tree's lock.
 * Writes: sessions, duties, inbox_items, runs (the parent's resume).  Emits: session wakes, hints.
 * A settled session that awaits something again (a child that somebody else started for it, a released inbox) is open again.
 * Goes up: a parent that only waited for this child may settle too (a stopped one does, an ordinary one has an item now).
 */
import type { Deps } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { payDuty } from "../inbox/pay-duty.ts";
import { countOwedTo, findDutiesOwedBy } from "../store/duties.ts";
import { countUndelivered } from "../store/inbox.ts";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { findNewestEnd, hasOpenRun } from "../store/runs.ts";
import { lockSession, markSettled, moveSession, reopenSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

export async function settleSession(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  projectId: string,
  sessionId: string,
): Promise<void> {
  const session = await lockSession(tx, projectId, sessionId);
  if (session === null) return;
  if (await hasOpenRun(tx, projectId, sessionId)) return;
  const last = await findNewestEnd(tx, projectId, sessionId);
  if (last === null) return;
  if (await awaitsSomething(tx, session)) {
    if (session.state === "idle") await moveSession(tx, session, "turn_awaits");
    if (session.settledAt !== null) await reopenSession(tx, projectId, sessionId, false);
    effects.session(projectId, sessionId);
    return;
  }
  if (session.state === "waiting") await moveSession(tx, session, "turn_ended");
  if (session.settledAt === null) await markSettled(tx, projectId, sessionId);
  effects.session(projectId, sessionId);
  await payDuties(deps, tx, effects, session, last);
}

/** Held and set-aside items, and children of a stopped session, do not keep it open. */
async function awaitsSomething(tx: Tx, session: SessionRecord): Promise<boolean> {
  if (session.held) return false;
  if ((await countOwedTo(tx, session.projectId, session.id)) > 0) return true;
  return (await countUndelivered(tx, session.projectId, session.id)) > 0;
}

async function payDuties(deps: Deps, tx: Tx, effects: Effects, session: SessionRecord, last: RunRecord): Promise<void> {
  for (const duty of await findDutiesOwedBy(tx, session.projectId, session.id)) {
    await payDuty(deps, tx, duty, last);
    await assignInbox(deps, tx, effects, duty.projectId, duty.parentSessionId);
    await settleSession(deps, tx, effects, duty.projectId, duty.parentSessionId);
  }
}
