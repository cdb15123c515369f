import { and, eq, sql } from "drizzle-orm";
import { idempotencyKeys } from "./schema.ts";
import type { Tx } from "./store.ts";

/** Two requests with one key at once: the second waits for the first one's commit. */
export async function lockIdempotencyKey(tx: Tx, projectId: string, key: string): Promise<void> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`${projectId}\n${key}`}, 0))`);
}

export async function findAnswer(
  tx: Tx,
  projectId: string,
  key: string,
): Promise<{ requestHash: string; answer: Record<string, unknown> } | null> {
  const [row] = await tx
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.projectId, projectId), eq(idempotencyKeys.key, key)));
  return row === undefined ? null : { requestHash: row.requestHash, answer: row.answer };
}

export async function saveAnswer(
  tx: Tx,
  projectId: string,
  key: string,
  requestHash: string,
  answer: Record<string, unknown>,
): Promise<void> {
  await tx.insert(idempotencyKeys).values({ projectId, key, requestHash, answer });
}

export async function forgetAnswers(tx: Tx, olderThanDays: number): Promise<void> {
  await tx.execute(
    sql`DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(days => ${olderThanDays})`,
  );
}
