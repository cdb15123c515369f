import { and, eq } from "drizzle-orm";
import { runs } from "./schema.ts";
import type { Tx } from "./store.ts";

/** Sessions that a run started. */
export async function findSessionsStartedBy(tx: Tx, runId: string): Promise<string[]> {
  const rows = await tx
    .select({ sessionId: runs.sessionId })
    .from(runs)
    .where(and(eq(runs.parentRunId, runId), eq(runs.type, "start_session")))
    .orderBy(runs.number);
  return rows.map((row) => row.sessionId);
}
