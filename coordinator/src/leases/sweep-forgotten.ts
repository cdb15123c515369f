/**
 * The slow sweep: finds what a lost hint, wake-up or timer should have moved. Every 30 s; finds nothing when all is well.
 * Called by: main's periodic work and start.  Writes and emits: what promote, assign and settle do.
 */
import { type Deps, TOPICS } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { settleSession } from "../sessions/settle-session.ts";
import { findUnjudged } from "../store/duties.ts";
import { findSessionsWithNewItems } from "../store/inbox.ts";
import { findPromotable, findReadyLanes } from "../store/runs.ts";
import { findSession, findVacated, lockSession, occupationLeft, occupySession } from "../store/sessions.ts";
import { lockTree } from "../store/trees.ts";

const BATCH = 500;

/** Cheap and frequent: runs whose time has come. */
export async function promoteDue(deps: Deps): Promise<void> {
  for (const { projectId, id } of await findVacated(deps.store.db, BATCH)) {
    await transact(deps, async (tx, effects) => {
      await lockSession(tx, projectId, id);
      // it may have been occupied again since the look
      if ((await occupationLeft(tx, projectId, id)) === 0) await occupySession(tx, projectId, id, null);
      await promoteSession(tx, effects, projectId, id);
    });
  }
  for (const { projectId, sessionId } of await findPromotable(deps.store.db, BATCH)) {
    await transact(deps, async (tx, effects) => {
      await lockSession(tx, projectId, sessionId);
      await promoteSession(tx, effects, projectId, sessionId);
    });
  }
}

async function assignDue(deps: Deps): Promise<void> {
  for (const { projectId, sessionId } of await findSessionsWithNewItems(deps.store.db, BATCH)) {
    await underTree(
      deps,
      projectId,
      sessionId,
      async (tx, effects) => await assignInbox(deps, tx, effects, projectId, sessionId),
    );
  }
}

export async function sweepForgotten(deps: Deps): Promise<void> {
  await promoteDue(deps);
  await assignDue(deps);
  for (const { projectId, sessionId } of await findUnjudged(deps.store.db, BATCH)) {
    await underTree(
      deps,
      projectId,
      sessionId,
      async (tx, effects) => await settleSession(deps, tx, effects, projectId, sessionId),
    );
  }
  for (const laneId of await findReadyLanes(deps.store.db, BATCH)) deps.wake.publish(TOPICS.lane, laneId);
}

async function underTree(
  deps: Deps,
  projectId: string,
  sessionId: string,
  work: Parameters<typeof transact<void>>[1],
): Promise<void> {
  const session = await findSession(deps.store.db, projectId, sessionId);
  if (session === null) return;
  await transact(deps, async (tx, effects) => {
    await lockTree(tx, projectId, session.rootSessionId);
    await work(tx, effects);
  });
}
