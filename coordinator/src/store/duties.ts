import { and, eq, sql } from "drizzle-orm";
import type { DutyRecord } from "./records.ts";
import { duties } from "./schema.ts";
import type { Tx } from "./store.ts";

/** A duty that the child already owes this parent is inherited, not doubled. */
export async function oweParent(
  tx: Tx,
  duty: Pick<DutyRecord, "id" | "projectId" | "parentSessionId" | "parentRunId" | "childSessionId" | "originRunId">,
): Promise<void> {
  await tx.insert(duties).values(duty).onConflictDoNothing();
}

export async function findDutiesOwedBy(tx: Tx, projectId: string, childSessionId: string): Promise<DutyRecord[]> {
  return await tx
    .select()
    .from(duties)
    .where(and(eq(duties.projectId, projectId), eq(duties.childSessionId, childSessionId), eq(duties.state, "owed")))
    .orderBy(duties.createdAt);
}

export async function findDutiesOwedTo(tx: Tx, projectId: string, parentSessionId: string): Promise<DutyRecord[]> {
  return await tx
    .select()
    .from(duties)
    .where(and(eq(duties.projectId, projectId), eq(duties.parentSessionId, parentSessionId), eq(duties.state, "owed")))
    .orderBy(duties.createdAt);
}

/** Whether the session awaits the other one, directly or through what that one is awaited by. */
export async function awaits(tx: Tx, projectId: string, sessionId: string, otherId: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    WITH RECURSIVE above AS (
      SELECT parent_session_id AS id FROM duties WHERE project_id = ${projectId} AND child_session_id = ${otherId} AND state = 'owed'
      UNION
      SELECT d.parent_session_id FROM duties d JOIN above ON d.child_session_id = above.id
      WHERE d.project_id = ${projectId} AND d.state = 'owed'
    )
    SELECT id FROM above WHERE id = ${sessionId}`);
  return rows.length > 0;
}

export async function countOwedTo(tx: Tx, projectId: string, parentSessionId: string): Promise<number> {
  const [row] = await tx
    .select({ n: sql<number>`count(*)::int` })
    .from(duties)
    .where(and(eq(duties.projectId, projectId), eq(duties.parentSessionId, parentSessionId), eq(duties.state, "owed")));
  return row?.n ?? 0;
}

export async function groupIsOpen(tx: Tx, parentRunId: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: duties.id })
    .from(duties)
    .where(and(eq(duties.parentRunId, parentRunId), eq(duties.state, "owed")))
    .limit(1);
  return row !== undefined;
}

export async function markPaid(tx: Tx, dutyId: string): Promise<void> {
  await tx.update(duties).set({ state: "paid", paidAt: sql`clock_timestamp()` }).where(eq(duties.id, dutyId));
}

/**
 * Sessions that nobody judged settled although they are, or whose parents were not told: there must be none. The sweep looks all the same.
 */
export async function findUnjudged(tx: Tx, limit: number): Promise<{ projectId: string; sessionId: string }[]> {
  const rows = await tx.execute<{ project_id: string; id: string }>(sql`
    (SELECT s.project_id, s.id FROM sessions s
      WHERE s.settled_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.project_id = s.project_id AND r.session_id = s.id AND r.finished_at IS NULL)
        AND (s.held OR (
          NOT EXISTS (SELECT 1 FROM duties d WHERE d.project_id = s.project_id AND d.parent_session_id = s.id AND d.state = 'owed')
          AND NOT EXISTS (SELECT 1 FROM inbox_items i WHERE i.project_id = s.project_id AND i.session_id = s.id
            AND i.state IN ('new', 'assigned', 'taken'))))
      LIMIT ${limit})
    UNION
    (SELECT s.project_id, s.id FROM duties d JOIN sessions s ON s.project_id = d.project_id AND s.id = d.child_session_id
      WHERE d.state = 'owed' AND s.settled_at IS NOT NULL LIMIT ${limit})`);
  return rows.map((row) => ({ projectId: row.project_id, sessionId: row.id }));
}
