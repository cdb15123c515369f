import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

/** As if the time of one thing had gone by, so that no test waits for it. What sees it is the next sweep, as in real life. */

/** Nobody answered the run's stop, and nobody renewed its lease, for an hour; the lease itself is left as it is. */
export async function letStopGoUnanswered(tx: Tx, runId: string): Promise<void> {
  await tx.execute(sql`
    UPDATE runs SET stop_requested_at = stop_requested_at - interval '1 hour', renewed_at = renewed_at - interval '1 hour'
    WHERE id = ${runId} AND state = 'stopping'`);
}

export async function letOccupationEnd(tx: Tx, projectId: string, sessionId: string): Promise<void> {
  await tx.execute(sql`
    UPDATE sessions SET occupied_until = clock_timestamp() - interval '1 second'
    WHERE project_id = ${projectId} AND id = ${sessionId} AND occupied_until IS NOT NULL`);
}

/** The pauses of all items that came back to this session's inbox are over. */
export async function letPausesEnd(tx: Tx, projectId: string, sessionId: string): Promise<void> {
  await tx.execute(sql`
    UPDATE inbox_items SET not_before = clock_timestamp() - interval '1 second'
    WHERE project_id = ${projectId} AND session_id = ${sessionId} AND not_before > clock_timestamp()`);
}

/** The run's `not_before`, and the pause before its next offer, have come. */
export async function letStartTimeCome(tx: Tx, runId: string): Promise<void> {
  await tx.execute(sql`
    UPDATE runs SET not_before = CASE WHEN not_before IS NULL THEN NULL ELSE clock_timestamp() - interval '1 second' END,
      offer_after = CASE WHEN offer_after IS NULL THEN NULL ELSE clock_timestamp() - interval '1 second' END
    WHERE id = ${runId}`);
}

export async function letQueueTimeEnd(tx: Tx, runId: string): Promise<void> {
  await tx.execute(sql`
    UPDATE runs SET queue_expires_at = clock_timestamp() - interval '1 second'
    WHERE id = ${runId} AND queue_expires_at IS NOT NULL`);
}

/** Coordinator and database were away for this long: nothing was renewed, swept or judged meanwhile. */
export async function letOutagePass(tx: Tx, ms: number): Promise<void> {
  const gap = sql`make_interval(secs => ${ms / 1000})`;
  await tx.execute(sql`UPDATE liveness SET alive_at = alive_at - ${gap}`);
  await tx.execute(sql`
    UPDATE runs SET lease_expires_at = lease_expires_at - ${gap}, renewed_at = renewed_at - ${gap}, stop_requested_at = stop_requested_at - ${gap}
    WHERE lease_expires_at IS NOT NULL`);
  await tx.execute(sql`UPDATE sessions SET occupied_until = occupied_until - ${gap} WHERE occupied_until IS NOT NULL`);
}

/** Whatever a project waits for has come: leases and occupations are over, pauses and start times past. */
export async function letEverythingPass(tx: Tx, projectId: string): Promise<void> {
  const past = sql`clock_timestamp() - interval '1 second'`;
  await tx.execute(sql`
    UPDATE runs SET lease_expires_at = CASE WHEN lease_expires_at IS NULL THEN NULL ELSE ${past} END,
      not_before = CASE WHEN not_before IS NULL THEN NULL ELSE ${past} END, offer_after = CASE WHEN offer_after IS NULL THEN NULL ELSE ${past} END
    WHERE project_id = ${projectId} AND finished_at IS NULL`);
  await tx.execute(
    sql`UPDATE inbox_items SET not_before = ${past} WHERE project_id = ${projectId} AND not_before IS NOT NULL`,
  );
  await tx.execute(
    sql`UPDATE sessions SET occupied_until = ${past} WHERE project_id = ${projectId} AND occupied_until IS NOT NULL`,
  );
}
