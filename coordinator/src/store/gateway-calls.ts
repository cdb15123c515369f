import { ACTIVE_RUN_STATES } from "@parallax/shared/run-state";
import { and, eq, sql } from "drizzle-orm";
import { gatewayCalls } from "./schema.ts";
import type { Tx } from "./store.ts";

/** One call of an agent through its gateway. */
export interface GatewayCallKey {
  readonly runId: string;
  readonly attempt: number;
  readonly call: number;
}

export interface GatewayCall<T> {
  readonly tool: string;
  readonly answer: T;
  /** Since it was first accepted, by Postgres's clock. */
  readonly ageMs: number;
}

const ofCall = ({ runId, attempt, call }: GatewayCallKey) =>
  and(eq(gatewayCalls.runId, runId), eq(gatewayCalls.attempt, attempt), eq(gatewayCalls.call, call));

/** The caller knows the shape of what it stored. */
export async function findGatewayCall<T extends object>(tx: Tx, key: GatewayCallKey): Promise<GatewayCall<T> | null> {
  const [row] = await tx
    .select({
      tool: gatewayCalls.tool,
      answer: gatewayCalls.answer,
      ageMs: sql<number>`(extract(epoch FROM clock_timestamp() - ${gatewayCalls.createdAt}) * 1000)::float8`,
    })
    .from(gatewayCalls)
    .where(ofCall(key));
  return row === undefined ? null : { tool: row.tool, answer: row.answer as unknown as T, ageMs: row.ageMs };
}

export async function insertGatewayCall(tx: Tx, key: GatewayCallKey, tool: string, answer: object): Promise<void> {
  await tx.insert(gatewayCalls).values({ ...key, tool, answer: { ...answer } });
}

export async function changeGatewayCall(tx: Tx, key: GatewayCallKey, answer: object): Promise<void> {
  await tx
    .update(gatewayCalls)
    .set({ answer: { ...answer } })
    .where(ofCall(key));
}

/** Whether the ancestors of a session contain another; walks up, so it costs the depth and not the breadth of the tree. */
export async function isDescendant(tx: Tx, projectId: string, ancestorId: string, sessionId: string): Promise<boolean> {
  const rows = await tx.execute<{ id: string }>(sql`
    WITH RECURSIVE above AS (
      SELECT parent_session_id AS id FROM sessions WHERE project_id = ${projectId} AND id = ${sessionId}
      UNION
      SELECT sessions.parent_session_id FROM sessions JOIN above ON sessions.id = above.id WHERE sessions.project_id = ${projectId}
    )
    SELECT id FROM above WHERE id = ${ancestorId}`);
  return rows.length > 0;
}

/**
 * How long nothing at or below a session was claimed or running: 0 while something is. A run that was made counts as a sign of life, so
 * that a fresh one gets its time to be claimed.
 */
export async function subtreeIdleMs(tx: Tx, projectId: string, sessionId: string): Promise<number> {
  const active = sql.join(
    ACTIVE_RUN_STATES.map((state) => sql`${state}`),
    sql`, `,
  );
  const [row] = await tx.execute<{ idle_ms: number }>(sql`
    WITH RECURSIVE below AS (
      SELECT id FROM sessions WHERE project_id = ${projectId} AND id = ${sessionId}
      UNION
      SELECT child.id FROM sessions child JOIN below ON child.parent_session_id = below.id WHERE child.project_id = ${projectId}
    )
    SELECT (CASE WHEN bool_or(runs.state IN (${active})) THEN 0
      ELSE coalesce(extract(epoch FROM clock_timestamp() - max(greatest(runs.created_at, runs.claimed_at, runs.renewed_at, runs.finished_at))) * 1000, 0)
      END)::float8 AS idle_ms
    FROM runs JOIN below ON runs.session_id = below.id WHERE runs.project_id = ${projectId}`);
  return row?.idle_ms ?? 0;
}
