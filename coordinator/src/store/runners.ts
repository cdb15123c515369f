import { and, asc, eq, isNotNull, sql } from "drizzle-orm";
import type { RunnerRecord } from "./records.ts";
import { runners } from "./schema.ts";
import type { Tx } from "./store.ts";

export interface RunnerView extends RunnerRecord {
  readonly silentMs: number;
  readonly activeRuns: number;
}

export async function lockRunner(tx: Tx, id: string): Promise<(RunnerRecord & { silentMs: number }) | null> {
  const [row] = await tx
    .select({
      runner: runners,
      silentMs: sql<number>`(extract(epoch FROM clock_timestamp() - ${runners.lastHeartbeatAt}) * 1000)::float8`,
    })
    .from(runners)
    .where(eq(runners.id, id))
    .for("update");
  return row === undefined ? null : { ...row.runner, silentMs: row.silentMs };
}

export async function findRunner(tx: Tx, id: string): Promise<RunnerRecord | null> {
  const [row] = await tx.select().from(runners).where(eq(runners.id, id));
  return row ?? null;
}

export async function saveRunner(tx: Tx, runner: typeof runners.$inferInsert): Promise<RunnerRecord> {
  const { id: _id, registeredAt: _registeredAt, ...changes } = runner;
  const [row] = await tx
    .insert(runners)
    .values(runner)
    .onConflictDoUpdate({ target: runners.id, set: { ...changes, lastHeartbeatAt: sql`clock_timestamp()` } })
    .returning();
  return row as RunnerRecord;
}

/** Null when the runner is not registered. `seq` is remembered; whether the beat was overtaken is the caller's to judge. */
export async function touchRunner(
  tx: Tx,
  id: string,
  notReadyReason: string | null | undefined,
  seq: number | null,
): Promise<RunnerRecord | null> {
  const [row] = await tx
    .update(runners)
    .set({
      lastHeartbeatAt: sql`clock_timestamp()`,
      ...(notReadyReason === undefined ? {} : { notReadyReason }),
      ...(seq === null ? {} : { heartbeatSeq: seq }),
    })
    .where(eq(runners.id, id))
    .returning();
  return row ?? null;
}

/** Counted only for a runner that has a maximum. */
export async function countStart(tx: Tx, id: string): Promise<void> {
  await tx
    .update(runners)
    .set({ runsStarted: sql`${runners.runsStarted} + 1` })
    .where(and(eq(runners.id, id), isNotNull(runners.maxRuns)));
}

export async function setRunnerState(tx: Tx, id: string, state: RunnerRecord["state"]): Promise<void> {
  await tx.update(runners).set({ state }).where(eq(runners.id, id));
}

export async function deleteRunner(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.delete(runners).where(eq(runners.id, id)).returning({ id: runners.id });
  return rows.length > 0;
}

export async function listRunners(tx: Tx, projectId: string): Promise<RunnerView[]> {
  const rows = await tx
    .select({
      runner: runners,
      silentMs: sql<number>`(extract(epoch FROM clock_timestamp() - ${runners.lastHeartbeatAt}) * 1000)::float8`,
      // spelled out: among selected fields the builder drops the table's name, and a bare "id" would be the inner table's
      activeRuns: sql<number>`(SELECT count(*)::int FROM runs WHERE runs.runner_id = runners.id AND runs.state IN ('claimed', 'running', 'stopping'))`,
    })
    .from(runners)
    .where(and(eq(runners.projectId, projectId)))
    .orderBy(asc(runners.registeredAt));
  return rows.map((row) => ({ ...row.runner, silentMs: row.silentMs, activeRuns: row.activeRuns }));
}
