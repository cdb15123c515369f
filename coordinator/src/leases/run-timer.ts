import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import type { Timer } from "../queue/contract.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { findSession, lockSession } from "../store/sessions.ts";
import { lockTree } from "../store/trees.ts";

/** A pause is over: look at the session again. What the timer meant is judged by the rows; firing twice or late does no harm. */
export async function runTimer(deps: Deps, timer: Timer): Promise<void> {
  const { projectId, sessionId } = timer.data;
  if (projectId === undefined || sessionId === undefined) return;
  const session = await findSession(deps.store.db, projectId, sessionId);
  if (session === null) return;
  await transact(deps, async (tx, effects) => {
    await lockTree(tx, projectId, session.rootSessionId);
    if (timer.kind === "assign") await assignInbox(deps, tx, effects, projectId, sessionId);
    await lockSession(tx, projectId, sessionId);
    await promoteSession(tx, effects, projectId, sessionId);
  });
}
