/**
 * Message: a person's word to a session becomes an inbox item; an idle session is resumed with it, a busy one reads it next.
 * Called by: POST /sessions/{id}/messages.  Requires: the session exists; a hold is lifted.
 * Writes: inbox_items, runs.  Emits: hints, session wake.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { type Idempotency, recallAnswer, rememberAnswer } from "../runs/idempotency.ts";
import { insertItem } from "../store/inbox.ts";
import { findActiveRun } from "../store/runs.ts";
import { changeSession, findSession, reopenSession } from "../store/sessions.ts";
import { lockKnownSession } from "./lock-known-session.ts";

export interface Message {
  readonly projectId: string;
  readonly sessionId: string;
  readonly text: string;
  readonly ifBusy: "steer" | "queue" | "reject";
  /** A repeat under the same key is the same message. */
  readonly idempotency?: Idempotency | null;
}

export interface SentMessage {
  readonly itemId: string;
  readonly status: string;
}

export async function sendMessage(deps: Deps, message: Message): Promise<SentMessage> {
  const seen = await findSession(deps.store.db, message.projectId, message.sessionId);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${message.sessionId}' not found`);
  if (message.ifBusy === "steer") {
    throw new ParallaxError("unsupported_option", "if_busy: steer is not available in this version; queue is", {
      details: { field: "if_busy" },
    });
  }
  return await transact(deps, async (tx, effects) => {
    const { idempotency = null } = message;
    const known = idempotency === null ? null : await recallAnswer<SentMessage>(tx, message.projectId, idempotency);
    if (known !== null) return known;
    await lockKnownSession(tx, seen);
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
    const sent = { itemId, status: active === null ? "assigned" : "new" };
    if (idempotency !== null) await rememberAnswer(tx, message.projectId, idempotency, sent);
    return sent;
  });
}
