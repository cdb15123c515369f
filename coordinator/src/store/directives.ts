import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import type { DirectiveRecord } from "./records.ts";
import { directives } from "./schema.ts";
import type { Tx } from "./store.ts";

export async function addDirective(
  tx: Tx,
  directive: Pick<DirectiveRecord, "runId" | "attempt" | "kind" | "reason" | "itemId">,
): Promise<void> {
  await tx.execute(sql`
    INSERT INTO directives (run_id, attempt, seq, kind, reason, item_id)
    SELECT ${directive.runId}, ${directive.attempt}, coalesce(max(seq), 0) + 1, ${directive.kind}, ${directive.reason}, ${directive.itemId}
    FROM directives WHERE run_id = ${directive.runId} AND attempt = ${directive.attempt}`);
}

export async function findOpenDirectives(tx: Tx, runId: string, attempt: number): Promise<DirectiveRecord[]> {
  return await tx
    .select()
    .from(directives)
    .where(and(eq(directives.runId, runId), eq(directives.attempt, attempt), isNull(directives.acknowledgedAt)))
    .orderBy(directives.seq);
}

export async function acknowledgeDirectives(
  tx: Tx,
  runId: string,
  attempt: number,
  seqs: readonly number[],
): Promise<void> {
  if (seqs.length === 0) return;
  await tx
    .update(directives)
    .set({ acknowledgedAt: sql`clock_timestamp()` })
    .where(
      and(
        eq(directives.runId, runId),
        eq(directives.attempt, attempt),
        inArray(directives.seq, [...seqs]),
        isNull(directives.acknowledgedAt),
      ),
    );
}
