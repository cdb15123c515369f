import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

/** Moves the run's lease into the past, as if its time had gone by. */
export async function letLeaseExpire(tx: Tx, runId: string): Promise<void> {
  await tx.execute(
    sql`UPDATE runs SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = ${runId} AND lease_expires_at IS NOT NULL`,
  );
}
