import { and, eq, isNull, sql } from "drizzle-orm";
import type { AttemptRecord } from "./records.ts";
import { attempts } from "./schema.ts";
import type { Tx } from "./store.ts";

const key = (runId: string, attempt: number) => and(eq(attempts.runId, runId), eq(attempts.attempt, attempt));

export async function findAttempt(tx: Tx, runId: string, attempt: number): Promise<AttemptRecord | null> {
  const [row] = await tx.select().from(attempts).where(key(runId, attempt));
  return row ?? null;
}

export async function findAttempts(tx: Tx, runId: string): Promise<AttemptRecord[]> {
  return await tx.select().from(attempts).where(eq(attempts.runId, runId)).orderBy(attempts.attempt);
}

export type AttemptChange = Partial<
  Pick<
    AttemptRecord,
    "incarnation" | "hostname" | "nextFrame" | "lastFrame" | "logBytes" | "logSha256" | "logState" | "endHash"
  >
>;

export async function changeAttempt(tx: Tx, runId: string, attempt: number, change: AttemptChange): Promise<void> {
  await tx.update(attempts).set(change).where(key(runId, attempt));
}

export async function markAttemptStarted(tx: Tx, runId: string, attempt: number): Promise<void> {
  await tx.update(attempts).set({ startedAt: sql`clock_timestamp()` }).where(key(runId, attempt));
}

export async function markAttemptSupervised(
  tx: Tx,
  runId: string,
  attempt: number,
  incarnation: string,
  hostname: string,
): Promise<void> {
  await tx
    .update(attempts)
    .set({ supervisedAt: sql`clock_timestamp()`, incarnation, hostname })
    .where(key(runId, attempt));
}

/** An attempt ends once; the first reason stays. */
export async function endAttempt(
  tx: Tx,
  runId: string,
  attempt: number,
  reason: NonNullable<AttemptRecord["endReason"]>,
): Promise<void> {
  await tx
    .update(attempts)
    .set({ endedAt: sql`clock_timestamp()`, endReason: reason })
    .where(and(key(runId, attempt), isNull(attempts.endedAt)));
}

/** A thawed attempt goes on as if it had not been lost; a late end is the end of an attempt that was not lost after all. */
export async function reopenAttempt(tx: Tx, runId: string, attempt: number): Promise<void> {
  await tx.update(attempts).set({ endedAt: null, endReason: null }).where(key(runId, attempt));
}
