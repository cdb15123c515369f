import { ACTIVE_RUN_STATES } from "@parallax/shared/run-state";
import { and, eq, inArray, isNotNull, lt, or, sql } from "drizzle-orm";
import type { DueRun } from "./runs.ts";
import { runs } from "./schema.ts";
import type { Tx } from "./store.ts";

const ttl = (ms: number) => sql`clock_timestamp() + make_interval(secs => ${ms / 1000})`;
const ago = (ms: number) => sql`clock_timestamp() - make_interval(secs => ${ms / 1000})`;
/**
 * The clock by which leases end. It moves with the sweeps, and over an outage only together with all leases, in one transaction: a process
 * that slept in the middle of its sweep still judges by the time at which somebody was there.
 */
const aliveAt = sql`(SELECT alive_at FROM liveness WHERE id = 1)`;
const dueColumns = { id: runs.id, projectId: runs.projectId, sessionId: runs.sessionId };

/** The new lease of a run whose renewal was judged; counted from now on Postgres's clock. */
export const leaseFromNow = (ms: number) => ({ leaseExpiresAt: ttl(ms), renewedAt: sql`clock_timestamp()` });

/** How long the coordinator or the database was away; locks the row, so one replica at a time judges leases. */
export async function lockLiveness(tx: Tx): Promise<{ gapMs: number }> {
  const [row] = await tx.execute<{ gap_ms: number }>(
    sql`SELECT (extract(epoch FROM clock_timestamp() - alive_at) * 1000)::float8 AS gap_ms FROM liveness WHERE id = 1 FOR UPDATE`,
  );
  return { gapMs: Number(row?.gap_ms ?? 0) };
}

export async function touchLiveness(tx: Tx): Promise<void> {
  await tx.execute(sql`UPDATE liveness SET alive_at = clock_timestamp() WHERE id = 1`);
}

/** After an outage nobody could renew: what was alive before gets that time back. Returns the number of leases. */
export async function extendLeases(tx: Tx, byMs: number): Promise<number> {
  const rows = await tx.execute<{ id: string }>(sql`
    UPDATE runs SET lease_expires_at = lease_expires_at + make_interval(secs => ${byMs / 1000}), renewed_at = renewed_at + make_interval(secs => ${byMs / 1000})
    WHERE lease_expires_at IS NOT NULL RETURNING id`);
  await tx.execute(
    sql`UPDATE sessions SET occupied_until = occupied_until + make_interval(secs => ${byMs / 1000}) WHERE occupied_until > clock_timestamp() - make_interval(secs => ${byMs / 1000})`,
  );
  return rows.length;
}

export async function findExpiredLeases(tx: Tx, limit: number): Promise<DueRun[]> {
  return await tx.select(dueColumns).from(runs).where(lt(runs.leaseExpiresAt, aliveAt)).limit(limit);
}

export async function leaseIsExpired(tx: Tx, runId: string): Promise<boolean> {
  const [row] = await tx
    .select({ expired: sql<boolean>`coalesce(${runs.leaseExpiresAt} < ${aliveAt}, false)` })
    .from(runs)
    .where(eq(runs.id, runId));
  return row?.expired ?? false;
}

const unanswered = (ms: number) => {
  const since = sql`${aliveAt} - make_interval(secs => ${ms / 1000})`;
  return and(eq(runs.state, "stopping"), lt(runs.stopRequestedAt, since), lt(runs.renewedAt, since));
};

/** Stops that neither a supervisor nor a runner has answered for a while. */
export async function findUnansweredStops(tx: Tx, unansweredMs: number, limit: number): Promise<DueRun[]> {
  return await tx.select(dueColumns).from(runs).where(unanswered(unansweredMs)).limit(limit);
}

export async function stopIsUnanswered(tx: Tx, runId: string, unansweredMs: number): Promise<boolean> {
  const rows = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.id, runId), unanswered(unansweredMs)));
  return rows.length > 0;
}

/** A runner renews its attempts until their supervisor's first hello. Returns what was renewed: nothing of an attempt that was superseded. */
export async function renewPreparing(
  tx: Tx,
  runnerId: string,
  instanceId: string | null,
  attempts: readonly { readonly runId: string; readonly attempt: number }[],
  leaseMs: number,
  preparingMsMax: number,
): Promise<{ runId: string; attempt: number }[]> {
  if (attempts.length === 0) return [];
  return await tx
    .update(runs)
    .set(leaseFromNow(leaseMs))
    .where(
      and(
        or(...attempts.map(({ runId, attempt }) => and(eq(runs.id, runId), eq(runs.attempt, attempt)))),
        eq(runs.runnerId, runnerId),
        instanceId === null ? sql`true` : eq(runs.instanceId, instanceId),
        eq(runs.phase, "preparing"),
        inArray(runs.state, ["running", "stopping"]),
        isNotNull(runs.startedAt),
        sql`${runs.startedAt} > ${ago(preparingMsMax)}`,
      ),
    )
    .returning({ runId: runs.id, attempt: runs.attempt });
}

/** Plain runners have no supervisor: their heartbeat is their renewal. */
export async function renewPlain(tx: Tx, runnerId: string, leaseMs: number): Promise<void> {
  await tx
    .update(runs)
    .set(leaseFromNow(leaseMs))
    .where(and(eq(runs.runnerId, runnerId), eq(runs.plain, true), eq(runs.state, "running")));
}

/** A new process of the same runner takes over what it holds. */
export async function adoptRuns(tx: Tx, runnerId: string, instanceId: string): Promise<void> {
  await tx
    .update(runs)
    .set({ instanceId })
    .where(and(eq(runs.runnerId, runnerId), inArray(runs.state, [...ACTIVE_RUN_STATES])));
}
