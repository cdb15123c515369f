import { ACTIVE_RUN_STATES, type RunState, TERMINAL_RUN_STATES } from "@parallax/shared/run-state";
import { and, asc, desc, eq, inArray, isNull, lt, lte, notInArray, or, type SQL, sql } from "drizzle-orm";
import type { NewRun, RunRecord } from "./records.ts";
import { runs, streams } from "./schema.ts";
import type { Tx } from "./store.ts";

type Values<T> = { [K in keyof T]: T[K] | SQL };

/** Inserts the run together with the row that will number its events. */
export async function insertRun(tx: Tx, run: Values<NewRun> & { id: string }): Promise<RunRecord> {
  const [row] = await tx
    .insert(runs)
    .values(run as NewRun)
    .returning();
  await tx.insert(streams).values({ runId: run.id });
  return row as RunRecord;
}

export async function findRun(tx: Tx, id: string): Promise<RunRecord | null> {
  const [row] = await tx.select().from(runs).where(eq(runs.id, id));
  return row ?? null;
}

export async function lockRun(tx: Tx, id: string): Promise<RunRecord | null> {
  const [row] = await tx.select().from(runs).where(eq(runs.id, id)).for("update");
  return row ?? null;
}

export type RunChange = Partial<Values<NewRun>>;

/** The caller holds the run's lock and has judged the change by the transition table. */
export async function changeRun(tx: Tx, id: string, change: RunChange): Promise<void> {
  await tx
    .update(runs)
    .set(change as Partial<NewRun>)
    .where(eq(runs.id, id));
}

export interface OpenRun {
  readonly run: RunRecord;
  /** What it waits for: its `not_before` or the pause before its next offer; 0 when neither is ahead. By Postgres's clock. */
  readonly pauseMs: number;
}

/** Everything of a session that is not terminal, a lost run first, then by age. */
export async function findOpenRuns(tx: Tx, projectId: string, sessionId: string): Promise<OpenRun[]> {
  const rows = await tx
    .select({
      run: runs,
      pauseMs: sql<number>`coalesce(greatest(0, extract(epoch FROM greatest(${runs.notBefore}, ${runs.offerAfter}) - clock_timestamp()) * 1000), 0)::float8`,
    })
    .from(runs)
    .where(
      and(
        eq(runs.projectId, projectId),
        eq(runs.sessionId, sessionId),
        notInArray(runs.state, [...TERMINAL_RUN_STATES]),
      ),
    )
    .orderBy(sql`(${runs.attempt} > 0) desc`, asc(runs.number))
    .for("update", { of: runs });
  return rows;
}

/** Whether anything of the session is not terminal. */
export async function hasOpenRun(tx: Tx, projectId: string, sessionId: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(
      and(
        eq(runs.projectId, projectId),
        eq(runs.sessionId, sessionId),
        notInArray(runs.state, [...TERMINAL_RUN_STATES]),
      ),
    )
    .limit(1);
  return row !== undefined;
}

export async function findNewestRun(tx: Tx, projectId: string, sessionId: string): Promise<RunRecord | null> {
  const [row] = await tx
    .select()
    .from(runs)
    .where(and(eq(runs.projectId, projectId), eq(runs.sessionId, sessionId)))
    .orderBy(desc(runs.number))
    .limit(1);
  return row ?? null;
}

/** The run that ended last, which need not be the one that was made last: what a parent hears and `GET /sessions/{id}/result` shows. */
export async function findNewestEnd(tx: Tx, projectId: string, sessionId: string): Promise<RunRecord | null> {
  const [row] = await tx
    .select()
    .from(runs)
    .where(
      and(eq(runs.projectId, projectId), eq(runs.sessionId, sessionId), inArray(runs.state, [...TERMINAL_RUN_STATES])),
    )
    .orderBy(desc(runs.finishedAt), desc(runs.number))
    .limit(1);
  return row ?? null;
}

export async function findActiveRun(tx: Tx, projectId: string, sessionId: string): Promise<RunRecord | null> {
  const [row] = await tx
    .select()
    .from(runs)
    .where(
      and(eq(runs.projectId, projectId), eq(runs.sessionId, sessionId), inArray(runs.state, [...ACTIVE_RUN_STATES])),
    );
  return row ?? null;
}

export interface RunFilter {
  readonly state?: RunState | undefined;
  readonly sessionId?: string | undefined;
  readonly sessionIds?: readonly string[] | undefined;
  readonly label?: { readonly name: string; readonly value: string | null } | undefined;
  readonly beforeNumber?: number | undefined;
  readonly limit: number;
}

export async function listRuns(tx: Tx, projectId: string, filter: RunFilter): Promise<RunRecord[]> {
  const conditions = [eq(runs.projectId, projectId)];
  if (filter.state !== undefined) conditions.push(eq(runs.state, filter.state));
  if (filter.sessionId !== undefined) conditions.push(eq(runs.sessionId, filter.sessionId));
  if (filter.sessionIds !== undefined) conditions.push(inArray(runs.sessionId, [...filter.sessionIds]));
  if (filter.label !== undefined) {
    conditions.push(
      filter.label.value === null
        ? sql`${runs.labels} ? ${filter.label.name}`
        : sql`${runs.labels} ->> ${filter.label.name} = ${filter.label.value}`,
    );
  }
  if (filter.beforeNumber !== undefined) conditions.push(lt(runs.number, filter.beforeNumber));
  return await tx
    .select()
    .from(runs)
    .where(and(...conditions))
    .orderBy(desc(runs.number))
    .limit(filter.limit);
}

export interface DueRun {
  readonly id: string;
  readonly projectId: string;
  readonly sessionId: string;
}
const dueColumns = { id: runs.id, projectId: runs.projectId, sessionId: runs.sessionId };

/** Waiting runs whose time has come, or whose cause is gone without anybody having said so; also those that only say so still. */
export async function findPromotable(tx: Tx, limit: number): Promise<DueRun[]> {
  return await tx
    .select(dueColumns)
    .from(runs)
    .where(
      and(
        eq(runs.state, "pending"),
        eq(runs.ready, false),
        or(isNull(runs.notBefore), lte(runs.notBefore, sql`clock_timestamp()`)),
        or(isNull(runs.offerAfter), lte(runs.offerAfter, sql`clock_timestamp()`)),
        or(
          inArray(runs.waitingFor, ["not_before", "offer_paused"]),
          sql`NOT EXISTS (SELECT 1 FROM runs other WHERE other.project_id = ${runs.projectId} AND other.session_id = ${runs.sessionId}
              AND (other.ready OR other.state IN ('claimed', 'running', 'stopping')))`,
        ),
      ),
    )
    .orderBy(asc(runs.number))
    .limit(limit);
}

/** Queue time ends at the first start and never applies to resumes that the coordinator owes. */
export async function findQueueExpired(tx: Tx, limit: number): Promise<DueRun[]> {
  return await tx
    .select(dueColumns)
    .from(runs)
    .where(and(eq(runs.state, "pending"), eq(runs.deliveries, 0), lte(runs.queueExpiresAt, sql`clock_timestamp()`)))
    .limit(limit);
}

/** Ready runs, oldest first: lanes to look at when hints were lost. */
export async function findReadyLanes(tx: Tx, limit: number): Promise<string[]> {
  const rows = await tx.selectDistinct({ laneId: runs.laneId }).from(runs).where(eq(runs.ready, true)).limit(limit);
  return rows.map((row) => row.laneId);
}

/** Claimed, running or stopping runs of a runner. */
export async function findHeldRuns(tx: Tx, runnerId: string): Promise<RunRecord[]> {
  return await tx
    .select()
    .from(runs)
    .where(and(eq(runs.runnerId, runnerId), inArray(runs.state, [...ACTIVE_RUN_STATES])));
}

export async function countPendingAhead(tx: Tx, run: RunRecord): Promise<number> {
  const [row] = await tx
    .select({ n: sql<number>`count(*)::int` })
    .from(runs)
    .where(
      and(
        eq(runs.laneId, run.laneId),
        eq(runs.ready, true),
        or(lt(runs.priority, run.priority), and(eq(runs.priority, run.priority), lt(runs.number, run.number))),
      ),
    );
  return row?.n ?? 0;
}

/** Stops of a runner's runs that it was not told of for a while; told by this. */
export async function tellStops(
  tx: Tx,
  runnerId: string,
  retellMs: number,
): Promise<{ id: string; sessionId: string }[]> {
  const longAgo = sql`clock_timestamp() - make_interval(secs => ${retellMs / 1000})`;
  return await tx
    .update(runs)
    .set({ stopToldAt: sql`clock_timestamp()` })
    .where(
      and(
        eq(runs.runnerId, runnerId),
        eq(runs.state, "stopping"),
        or(isNull(runs.stopToldAt), lt(runs.stopToldAt, longAgo)),
      ),
    )
    .returning({ id: runs.id, sessionId: runs.sessionId });
}
