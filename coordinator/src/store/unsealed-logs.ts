import { sql } from "drizzle-orm";
import type { Tx } from "./store.ts";

/** Newest attempts of ended runs whose log is still open; `overdue` after this long. */
export async function findUnsealedLogs(
  tx: Tx,
  overdueMs: number,
  limit: number,
): Promise<{ runId: string; attempt: number; overdue: boolean }[]> {
  const rows = await tx.execute<{ id: string; attempt: number; overdue: boolean }>(sql`
    SELECT runs.id, runs.attempt, runs.finished_at < clock_timestamp() - make_interval(secs => ${overdueMs / 1000}) AS overdue FROM runs
    JOIN streams ON streams.run_id = runs.id
    WHERE streams.sealed_at IS NULL AND runs.finished_at IS NOT NULL AND runs.attempt > 0
    ORDER BY runs.finished_at LIMIT ${limit}`);
  return rows.map((row) => ({ runId: row.id, attempt: row.attempt, overdue: row.overdue }));
}
