import { sql } from "drizzle-orm";
import type { Tx } from "./store.ts";

/** Newest attempts of ended runs whose log is still open after this long. */
export async function findOverdueLogs(
  tx: Tx,
  olderThanMs: number,
  limit: number,
): Promise<{ runId: string; attempt: number }[]> {
  const rows = await tx.execute<{ id: string; attempt: number }>(sql`
    SELECT runs.id, runs.attempt FROM runs
    JOIN streams ON streams.run_id = runs.id
    WHERE streams.sealed_at IS NULL AND runs.finished_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
    LIMIT ${limit}`);
  return rows.map((row) => ({ runId: row.id, attempt: row.attempt }));
}
