import { and, asc, eq, inArray, isNull, lte, ne, or, sql } from "drizzle-orm";
import type { ItemRecord, NewItem } from "./records.ts";
import { inboxItems } from "./schema.ts";
import type { Tx } from "./store.ts";

/** False when this duty's item exists already: a duty is paid once. */
export async function insertItem(tx: Tx, item: NewItem): Promise<boolean> {
  const rows = await tx
    .insert(inboxItems)
    .values(item.state === "consumed" ? { ...item, consumedAt: sql`clock_timestamp()` as never } : item)
    .onConflictDoNothing()
    .returning({ id: inboxItems.id });
  return rows.length > 0;
}

const ofSession = (projectId: string, sessionId: string) =>
  and(eq(inboxItems.projectId, projectId), eq(inboxItems.sessionId, sessionId));

/** New items whose time has come and which no waiting call will hand out. */
export async function findDueItems(tx: Tx, projectId: string, sessionId: string): Promise<ItemRecord[]> {
  return await tx
    .select()
    .from(inboxItems)
    .where(
      and(
        ofSession(projectId, sessionId),
        eq(inboxItems.state, "new"),
        isNull(inboxItems.reservedBy),
        or(isNull(inboxItems.notBefore), lte(inboxItems.notBefore, sql`clock_timestamp()`)),
      ),
    )
    .orderBy(asc(inboxItems.number));
}

/** Items that keep a session from being settled: not consumed, not set aside. */
export async function countUndelivered(tx: Tx, projectId: string, sessionId: string): Promise<number> {
  const [row] = await tx
    .select({ n: sql<number>`count(*)::int` })
    .from(inboxItems)
    .where(and(ofSession(projectId, sessionId), inArray(inboxItems.state, ["new", "assigned", "taken"])));
  return row?.n ?? 0;
}

export async function findItemsOfRun(tx: Tx, runId: string): Promise<ItemRecord[]> {
  return await tx
    .select()
    .from(inboxItems)
    .where(and(eq(inboxItems.runId, runId), inArray(inboxItems.state, ["assigned", "taken"])))
    .orderBy(asc(inboxItems.number))
    .for("update");
}

export async function listItems(tx: Tx, projectId: string, sessionId: string, limit: number): Promise<ItemRecord[]> {
  return await tx
    .select()
    .from(inboxItems)
    .where(ofSession(projectId, sessionId))
    .orderBy(sql`${inboxItems.number} desc`)
    .limit(limit);
}

export async function findItemOfDuty(tx: Tx, dutyId: string): Promise<ItemRecord | null> {
  const [row] = await tx.select().from(inboxItems).where(eq(inboxItems.dutyId, dutyId));
  return row ?? null;
}

export async function assignItems(tx: Tx, itemIds: readonly string[], runId: string): Promise<void> {
  if (itemIds.length === 0) return;
  await tx
    .update(inboxItems)
    .set({ state: "assigned", runId, attempt: null })
    .where(and(inArray(inboxItems.id, [...itemIds]), eq(inboxItems.state, "new")));
}

/**
 * The attempt's message contains what is its run's now; what comes later was never told to it. What the attempt before took after it was
 * given up is a possible repeat, like the rest that it took.
 */
export async function offerItems(tx: Tx, runId: string, attempt: number): Promise<void> {
  const repeated = sql`CASE WHEN ${inboxItems.state} = 'taken' AND ${inboxItems.attempt} < ${attempt} THEN 1 ELSE 0 END`;
  await tx
    .update(inboxItems)
    .set({
      attempt,
      state: sql`CASE WHEN ${inboxItems.attempt} < ${attempt} THEN 'assigned' ELSE ${inboxItems.state} END`,
      deliveries: sql`${inboxItems.deliveries} + ${repeated}`,
    })
    .where(and(eq(inboxItems.runId, runId), inArray(inboxItems.state, ["assigned", "taken"])));
}

/** Marked by explicit ids, of what the attempt was told: only what the agent really took, never "all of this run". */
export async function takeItems(tx: Tx, runId: string, attempt: number, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return;
  await tx
    .update(inboxItems)
    .set({ state: "taken" })
    .where(
      and(
        inArray(inboxItems.id, [...itemIds]),
        eq(inboxItems.runId, runId),
        eq(inboxItems.attempt, attempt),
        eq(inboxItems.state, "assigned"),
      ),
    );
}

export async function consumeItems(tx: Tx, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return;
  await tx
    .update(inboxItems)
    .set({ state: "consumed", consumedAt: sql`clock_timestamp()`, reservedBy: null })
    .where(and(inArray(inboxItems.id, [...itemIds]), ne(inboxItems.state, "consumed")));
}

/** taken → assigned: what a lost attempt took goes to attempt k+1 under the same ids, as a possible repeat; or is told by its late end. */
export async function repeatItems(tx: Tx, runId: string): Promise<void> {
  await tx
    .update(inboxItems)
    .set({ state: "assigned", deliveries: sql`${inboxItems.deliveries} + 1` })
    .where(and(eq(inboxItems.runId, runId), eq(inboxItems.state, "taken")));
}

/** What was added while the attempt was cut off waits for the next run: this attempt goes on with the message that it has. */
export async function unassignUntold(tx: Tx, runId: string, attempt: number): Promise<void> {
  await tx
    .update(inboxItems)
    .set({ state: "new", runId: null, attempt: null })
    .where(
      and(
        eq(inboxItems.runId, runId),
        eq(inboxItems.state, "assigned"),
        sql`${inboxItems.attempt} IS DISTINCT FROM ${attempt}`,
      ),
    );
}

/**
 * Back to the line, with a pause that grows from 5 s to 5 min; set aside, visibly, when it came back too often. What no attempt was ever
 * told just goes back. Returns the shortest pause.
 */
export async function giveBackItems(
  tx: Tx,
  items: readonly ItemRecord[],
  deliveriesMax: number,
  pause: boolean,
): Promise<number | null> {
  let shortestMs: number | null = null;
  for (const item of items) {
    const told = item.attempt !== null;
    const deliveries = item.deliveries + (told ? 1 : 0);
    const pauseSeconds = pause && told ? Math.min(300, 5 * 2 ** item.deliveries) : 0;
    if (pauseSeconds > 0) shortestMs = Math.min(shortestMs ?? Number.POSITIVE_INFINITY, pauseSeconds * 1000);
    await tx
      .update(inboxItems)
      .set({
        state: deliveries >= deliveriesMax ? "set_aside" : "new",
        runId: null,
        attempt: null,
        deliveries,
        notBefore: pauseSeconds === 0 ? null : sql`clock_timestamp() + make_interval(secs => ${pauseSeconds})`,
      })
      .where(eq(inboxItems.id, item.id));
  }
  return shortestMs;
}

export async function unassignItems(tx: Tx, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return;
  await tx
    .update(inboxItems)
    .set({ state: "new", runId: null, attempt: null })
    .where(and(inArray(inboxItems.id, [...itemIds]), inArray(inboxItems.state, ["assigned", "taken"])));
}

export async function reserveItem(tx: Tx, itemId: string, reservedBy: string | null): Promise<void> {
  await tx
    .update(inboxItems)
    .set({ reservedBy })
    .where(and(eq(inboxItems.id, itemId), eq(inboxItems.state, "new")));
}

export async function findReservedBy(tx: Tx, reservedBy: string): Promise<ItemRecord[]> {
  return await tx
    .select()
    .from(inboxItems)
    .where(and(eq(inboxItems.reservedBy, reservedBy), eq(inboxItems.state, "new")));
}

/** Reservations of calls that will not be answered any more become ordinary items. */
export async function releaseReservations(tx: Tx, projectId: string, sessionId: string): Promise<void> {
  await tx
    .update(inboxItems)
    .set({ reservedBy: null })
    .where(and(ofSession(projectId, sessionId), eq(inboxItems.state, "new")));
}

/** Sessions with new, due items that nothing keeps from being delivered; at most a join does. The sweep asks each again. */
export async function findSessionsWithNewItems(
  tx: Tx,
  limit: number,
): Promise<{ projectId: string; sessionId: string }[]> {
  return await tx
    .selectDistinct({ projectId: inboxItems.projectId, sessionId: inboxItems.sessionId })
    .from(inboxItems)
    .where(
      and(
        eq(inboxItems.state, "new"),
        isNull(inboxItems.reservedBy),
        or(isNull(inboxItems.notBefore), lte(inboxItems.notBefore, sql`clock_timestamp()`)),
        sql`NOT EXISTS (SELECT 1 FROM sessions s WHERE s.project_id = ${inboxItems.projectId} AND s.id = ${inboxItems.sessionId} AND s.held)`,
        sql`NOT EXISTS (SELECT 1 FROM runs r WHERE r.project_id = ${inboxItems.projectId} AND r.session_id = ${inboxItems.sessionId}
          AND r.state IN ('claimed', 'running', 'stopping'))`,
      ),
    )
    .limit(limit);
}

/** set_aside → new: somebody looked into why they came back, and wants them delivered again. */
export async function releaseSetAside(tx: Tx, projectId: string, sessionId: string): Promise<void> {
  await tx
    .update(inboxItems)
    .set({ state: "new", deliveries: 0, notBefore: null })
    .where(and(ofSession(projectId, sessionId), eq(inboxItems.state, "set_aside")));
}
