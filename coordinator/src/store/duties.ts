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

/** Settled children whose parent was not told: must be none; the sweep looks all the same. */
export async function findUnpaidSettled(
  tx: Tx,
  limit: number,
): Promise<{ projectId: string; childSessionId: string }[]> {
  const rows = await tx.execute<{ project_id: string; child_session_id: string }>(sql`
    SELECT duties.project_id, duties.child_session_id FROM duties
    JOIN sessions ON sessions.project_id = duties.project_id AND sessions.id = duties.child_session_id
    WHERE duties.state = 'owed' AND sessions.settled_at IS NOT NULL LIMIT ${limit}`);
  return rows.map((row) => ({ projectId: row.project_id, childSessionId: row.child_session_id }));
}
