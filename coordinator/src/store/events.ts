import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { EventRecord } from "./records.ts";
import { events, streams } from "./schema.ts";
import type { Tx } from "./store.ts";

export type NewEvent = Pick<EventRecord, "attempt" | "frame" | "type" | "at" | "data">;

/** Gives the events their places in the run's sequence; the stream's row is the lock. Returns the last place. */
export async function appendEvents(tx: Tx, runId: string, rows: readonly NewEvent[]): Promise<number> {
  const [stream] = await tx
    .update(streams)
    .set({ lastSeq: sql`${streams.lastSeq} + ${rows.length}` })
    .where(eq(streams.runId, runId))
    .returning({ lastSeq: streams.lastSeq });
  const lastSeq = stream?.lastSeq ?? 0;
  if (rows.length > 0)
    await tx
      .insert(events)
      .values(rows.map((row, index) => ({ ...row, runId, seq: lastSeq - rows.length + 1 + index })));
  return lastSeq;
}

export async function readEvents(tx: Tx, runId: string, after: number, limit: number): Promise<EventRecord[]> {
  return await tx
    .select()
    .from(events)
    .where(and(eq(events.runId, runId), gt(events.seq, after)))
    .orderBy(asc(events.seq))
    .limit(limit);
}

export async function readAttemptFrames(
  tx: Tx,
  runId: string,
  attempt: number,
  afterSeq: number,
  limit: number,
): Promise<EventRecord[]> {
  return await tx
    .select()
    .from(events)
    .where(and(eq(events.runId, runId), eq(events.attempt, attempt), gt(events.seq, afterSeq)))
    .orderBy(asc(events.seq))
    .limit(limit);
}

export async function findStream(tx: Tx, runId: string): Promise<{ lastSeq: number; sealed: boolean } | null> {
  const [row] = await tx.select().from(streams).where(eq(streams.runId, runId));
  return row === undefined ? null : { lastSeq: row.lastSeq, sealed: row.sealedAt !== null };
}

export async function sealStream(tx: Tx, runId: string): Promise<void> {
  await tx.update(streams).set({ sealedAt: sql`clock_timestamp()` }).where(eq(streams.runId, runId));
}
