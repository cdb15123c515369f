/**
 * Delete: a session at rest is removed with its runs and events; its parent is told, its children stay and lose their parent.
 * Called by: DELETE /sessions/{id}, MCP's delete_all_agent_sessions.  Requires: no run of it is claimed, running or stopping.
 * Writes: sessions (cascades), duties, inbox_items.  Emits: session wakes, hints.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { payDuty } from "../inbox/pay-duty.ts";
import { endRun } from "../runs/end-run.ts";
import { findDutiesOwedBy } from "../store/duties.ts";
import { findActiveRun, findNewestEnd, findOpenRuns } from "../store/runs.ts";
import { changeSession, deleteSession, findSession, lockSession } from "../store/sessions.ts";
import { deleteEmptyTree, lockTree } from "../store/trees.ts";
import { settleSession } from "./settle-session.ts";

const DELETED = { code: "stopped", message: "Session was deleted" };

export async function removeSession(deps: Deps, projectId: string, sessionId: string): Promise<void> {
  const seen = await findSession(deps.store.db, projectId, sessionId);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${sessionId}' not found`);
  await transact(deps, async (tx, effects) => {
    await lockTree(tx, projectId, seen.rootSessionId);
    const session = await lockSession(tx, projectId, sessionId);
    if (session === null) return;
    const active = await findActiveRun(tx, projectId, sessionId);
    if (active !== null)
      throw new ParallaxError("session_active", `Session '${sessionId}' is working on ${active.id}`, {
        hint: "Stop session first",
      });
    // nothing wakes it any more: what its runs give back goes with it
    await changeSession(tx, projectId, sessionId, { held: true });
    for (const { run } of await findOpenRuns(tx, projectId, sessionId)) {
      await endRun(deps, tx, effects, { ...session, held: true }, run, {
        outcome: "stopped",
        treeGone: true,
        error: DELETED,
      });
    }
    const last = await findNewestEnd(tx, projectId, sessionId);
    const owed = await findDutiesOwedBy(tx, projectId, sessionId);
    // it had not settled: how its last run ended is not how its work ended
    for (const duty of owed)
      if (last !== null)
        await payDuty(deps, tx, duty, { ...last, state: "stopped", outcome: "stopped", error: DELETED });
    await deleteSession(tx, projectId, sessionId);
    await deleteEmptyTree(tx, projectId, seen.rootSessionId);
    for (const duty of owed) {
      await assignInbox(deps, tx, effects, projectId, duty.parentSessionId);
      await settleSession(deps, tx, effects, projectId, duty.parentSessionId);
    }
    effects.session(projectId, sessionId);
  });
}
