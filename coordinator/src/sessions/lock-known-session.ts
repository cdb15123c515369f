import { ParallaxError } from "@parallax/shared/errors";
import type { SessionRecord } from "../store/records.ts";
import { lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { lockTree } from "../store/trees.ts";

/** Tree and session, in this order, of a session that was seen before; it may have been deleted since. */
export async function lockKnownSession(
  tx: Tx,
  seen: Pick<SessionRecord, "projectId" | "id" | "rootSessionId">,
): Promise<SessionRecord> {
  await lockTree(tx, seen.projectId, seen.rootSessionId);
  const session = await lockSession(tx, seen.projectId, seen.id);
  if (session === null) throw new ParallaxError("session_not_found", `Session '${seen.id}' not found`);
  return session;
}
