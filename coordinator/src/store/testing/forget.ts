import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

/** As if the session's end had been written by somebody who did not judge it settled: the child is open, its parent was not told. */
export async function forgetToSettle(tx: Tx, projectId: string, sessionId: string): Promise<void> {
  await tx.execute(sql`UPDATE sessions SET settled_at = NULL WHERE project_id = ${projectId} AND id = ${sessionId}`);
  await tx.execute(sql`
    DELETE FROM inbox_items WHERE duty_id IN (SELECT id FROM duties WHERE project_id = ${projectId} AND child_session_id = ${sessionId})`);
  await tx.execute(sql`
    UPDATE duties SET state = 'owed', paid_at = NULL WHERE project_id = ${projectId} AND child_session_id = ${sessionId}`);
}
