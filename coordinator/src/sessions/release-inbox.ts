/**
 * Release: a held inbox flows again; what was recorded meanwhile, and what was set aside, wakes the session.
 * Called by: POST /sessions/{id}/release.  Writes: sessions, inbox_items, runs.  Emits: hints, session wake.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { releaseSetAside } from "../store/inbox.ts";
import { changeSession, findSession } from "../store/sessions.ts";
import { lockKnownSession } from "./lock-known-session.ts";
import { settleSession } from "./settle-session.ts";

export async function releaseInbox(deps: Deps, projectId: string, sessionId: string): Promise<void> {
  const seen = await findSession(deps.store.db, projectId, sessionId);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${sessionId}' not found`);
  await transact(deps, async (tx, effects) => {
    await lockKnownSession(tx, seen);
    await changeSession(tx, projectId, sessionId, { held: false });
    await releaseSetAside(tx, projectId, sessionId);
    await assignInbox(deps, tx, effects, projectId, sessionId);
    // what the hold had left out of account is awaited again
    await settleSession(deps, tx, effects, projectId, sessionId);
    effects.session(projectId, sessionId);
  });
}
