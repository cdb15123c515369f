import type { SessionState } from "@parallax/shared/session-state";
import { nextSessionState, type SessionEvent } from "@parallax/shared/session-state";
import { and, asc, desc, eq, inArray, isNotNull, lt, lte, sql } from "drizzle-orm";
import type { NewSession, SessionRecord } from "./records.ts";
import { sessions } from "./schema.ts";
import type { Tx } from "./store.ts";

const key = (projectId: string, id: string) => and(eq(sessions.projectId, projectId), eq(sessions.id, id));

export async function insertSession(tx: Tx, session: NewSession): Promise<SessionRecord | null> {
  const [row] = await tx.insert(sessions).values(session).onConflictDoNothing().returning();
  return row ?? null;
}

export async function findSession(tx: Tx, projectId: string, id: string): Promise<SessionRecord | null> {
  const [row] = await tx.select().from(sessions).where(key(projectId, id));
  return row ?? null;
}

export async function lockSession(tx: Tx, projectId: string, id: string): Promise<SessionRecord | null> {
  const [row] = await tx.select().from(sessions).where(key(projectId, id)).for("update");
  return row ?? null;
}

/** Applies an event of the session's table; the caller holds the session's lock. */
export async function moveSession(tx: Tx, session: SessionRecord, event: SessionEvent): Promise<SessionState> {
  const state = nextSessionState(session.state, event);
  await tx
    .update(sessions)
    .set({ state, lastActivityAt: sql`clock_timestamp()` })
    .where(key(session.projectId, session.id));
  return state;
}

export type SessionChange = Partial<
  Pick<
    NewSession,
    "executorSessionId" | "executorProfile" | "hostname" | "lastRunnerId" | "held" | "executor" | "projectDir"
  >
>;

export async function changeSession(tx: Tx, projectId: string, id: string, change: SessionChange): Promise<void> {
  await tx
    .update(sessions)
    .set({ ...change, lastActivityAt: sql`clock_timestamp()` })
    .where(key(projectId, id));
}

/** A new run reopens a settled session. */
export async function reopenSession(tx: Tx, projectId: string, id: string, resumed: boolean): Promise<void> {
  await tx
    .update(sessions)
    .set({
      settledAt: null,
      lastActivityAt: sql`clock_timestamp()`,
      ...(resumed ? { lastResumedAt: sql`clock_timestamp()` } : {}),
    })
    .where(key(projectId, id));
}

export async function markSettled(tx: Tx, projectId: string, id: string): Promise<void> {
  await tx.update(sessions).set({ settledAt: sql`clock_timestamp()` }).where(key(projectId, id));
}

export async function occupySession(tx: Tx, projectId: string, id: string, until: Date | null): Promise<void> {
  await tx.update(sessions).set({ occupiedUntil: until }).where(key(projectId, id));
}

/** How long a cut-off attempt still occupies the session; 0 when it is free. */
export async function occupationLeft(tx: Tx, projectId: string, id: string): Promise<number> {
  const [row] = await tx
    .select({
      leftMs: sql<number>`coalesce(greatest(0, extract(epoch FROM ${sessions.occupiedUntil} - clock_timestamp()) * 1000), 0)::float8`,
    })
    .from(sessions)
    .where(key(projectId, id));
  return row?.leftMs ?? 0;
}

/** Sessions whose occupation by a cut-off attempt is over. */
export async function findVacated(tx: Tx, limit: number): Promise<{ projectId: string; id: string }[]> {
  return await tx
    .select({ projectId: sessions.projectId, id: sessions.id })
    .from(sessions)
    .where(and(isNotNull(sessions.occupiedUntil), lte(sessions.occupiedUntil, sql`clock_timestamp()`)))
    .limit(limit);
}

/** The session and everything below it, parents first. */
export async function findSubtree(tx: Tx, projectId: string, id: string): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    WITH RECURSIVE below AS (
      SELECT id, 0 AS level FROM sessions WHERE project_id = ${projectId} AND id = ${id}
      UNION ALL
      SELECT child.id, below.level + 1 FROM sessions child JOIN below ON child.parent_session_id = below.id WHERE child.project_id = ${projectId}
    )
    SELECT id FROM below ORDER BY level, id`);
  return rows.map((row) => row.id);
}

export async function findSessionsOfTree(tx: Tx, projectId: string, rootId: string): Promise<SessionRecord[]> {
  return await tx
    .select()
    .from(sessions)
    .where(and(eq(sessions.projectId, projectId), eq(sessions.rootSessionId, rootId)))
    .orderBy(asc(sessions.depth), asc(sessions.number));
}

export interface SessionFilter {
  readonly state?: SessionState | undefined;
  readonly parentSessionId?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly beforeNumber?: number | undefined;
  readonly limit: number;
}

export async function listSessions(tx: Tx, projectId: string, filter: SessionFilter): Promise<SessionRecord[]> {
  const conditions = [eq(sessions.projectId, projectId)];
  if (filter.state !== undefined) conditions.push(eq(sessions.state, filter.state));
  if (filter.parentSessionId !== undefined) conditions.push(eq(sessions.parentSessionId, filter.parentSessionId));
  if (filter.ids !== undefined) conditions.push(inArray(sessions.id, [...filter.ids]));
  if (filter.beforeNumber !== undefined) conditions.push(lt(sessions.number, filter.beforeNumber));
  return await tx
    .select()
    .from(sessions)
    .where(and(...conditions))
    .orderBy(desc(sessions.number))
    .limit(filter.limit);
}

export async function deleteSession(tx: Tx, projectId: string, id: string): Promise<void> {
  await tx.delete(sessions).where(key(projectId, id));
}

export async function countChildrenOfRun(tx: Tx, runId: string): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(
    sql`SELECT count(*)::int AS n FROM runs WHERE parent_run_id = ${runId} AND type = 'start_session'`,
  );
  return row?.n ?? 0;
}
