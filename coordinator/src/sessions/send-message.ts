/**
 * Message: a person's word to a session becomes an inbox item; an idle session is resumed with it, a busy one reads it next.
 * Called by: POST /sessions/{id}/messages.  Requires: the session exists and is not held.
 * Writes: inbox_items, runs.  Emits: hints, session wake.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { insertItem } from "../store/inbox.ts";
import { findActiveRun } from "../store/runs.ts";
import { changeSession, findSession, reopenSession } from "../store/sessions.ts";
import { lockTree } from "../store/trees.ts";

export interface Message {
  readonly projectId: string;
  readonly sessionId: string;
  readonly text: string;
  readonly ifBusy: "steer" | "queue" | "reject";
}

export async function sendMessage(deps: Deps, message: Message): Promise<{ itemId: string; status: string }> {
  const seen = await findSession(deps.store.db, message.projectId, message.sessionId);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${message.sessionId}' not found`);
  if (message.ifBusy === "steer") {
    throw new ParallaxError("unsupported_option", "if_busy: steer is not available in this version; queue is", {
      details: { field: "if_busy" },
    });
  }
  return await transact(deps, async (tx, effects) => {
    await lockTree(tx, message.projectId, seen.rootSessionId);
    const active = await findActiveRun(tx, message.projectId, message.sessionId);
    if (active !== null && message.ifBusy === "reject") {
      throw new ParallaxError("session_busy", `Session '${message.sessionId}' is working on ${active.id}`, {
        details: { run_id: active.id },
      });
    }
    const itemId = deps.ids.make("item");
    await insertItem(tx, {
      id: itemId,
      projectId: message.projectId,
      sessionId: message.sessionId,
      kind: "message",
      payload: { message: message.text },
    });
    // a person's message is a wish to go on: it releases what a stop held
    await changeSession(tx, message.projectId, message.sessionId, { held: false });
    await reopenSession(tx, message.projectId, message.sessionId, false);
    await assignInbox(deps, tx, effects, message.projectId, message.sessionId);
    effects.session(message.projectId, message.sessionId);
    return { itemId, status: active === null ? "assigned" : "new" };
  });
}
