import type { InboxState } from "@parallax/shared/inbox-state";
import type { Outcome } from "@parallax/shared/outcome";
import type { RunState } from "@parallax/shared/run-state";
import type { SessionState } from "@parallax/shared/session-state";
import { sql } from "drizzle-orm";
import type { AttemptRecord } from "./records.ts";
import type { Tx } from "./store.ts";

/** All that was ever written about runs and sessions, as plain rows: what an auditor reads. Times are milliseconds of Postgres's clock. */
export interface History {
  readonly nowMs: number;
  readonly sessions: readonly SessionRow[];
  readonly runs: readonly RunRow[];
  readonly attempts: readonly AttemptRow[];
  readonly duties: readonly DutyRow[];
  readonly items: readonly ItemRow[];
  readonly streams: readonly StreamRow[];
}

export interface SessionRow {
  readonly project: string;
  readonly id: string;
  readonly state: SessionState;
  readonly held: boolean;
  readonly settled: boolean;
  readonly occupiedUntilMs: number | null;
}

export interface RunRow {
  readonly id: string;
  readonly number: number;
  readonly project: string;
  readonly session: string;
  readonly parent: string | null;
  readonly state: RunState;
  readonly outcome: Outcome | null;
  readonly ready: boolean;
  readonly waitingFor: string | null;
  readonly leaseExpiresAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly pausedUntilMs: number | null;
  readonly attempt: number;
  readonly deliveries: number;
  readonly offers: number;
  readonly mode: string;
  readonly byAgent: boolean;
  readonly join: "each" | "all";
}

export interface AttemptRow {
  readonly run: string;
  readonly attempt: number;
  readonly claimedAtMs: number;
  readonly started: boolean;
  readonly ended: boolean;
  readonly endReason: AttemptRecord["endReason"];
  readonly reportedEnd: boolean;
  readonly framesStored: number;
  readonly framesTold: number;
  readonly logState: AttemptRecord["logState"];
}

export interface DutyRow {
  readonly id: string;
  readonly project: string;
  readonly parent: string;
  readonly child: string;
  readonly group: string | null;
  readonly originRun: string;
  readonly owed: boolean;
  readonly createdAtMs: number;
}

export interface ItemRow {
  readonly id: string;
  readonly project: string;
  readonly session: string;
  readonly kind: string;
  readonly state: InboxState;
  readonly duty: string | null;
  readonly child: string | null;
  readonly group: string | null;
  readonly run: string | null;
  readonly attempt: number | null;
  readonly reservedBy: string | null;
  readonly pausedUntilMs: number | null;
}

/** A run's sequence of events, in short. */
export interface StreamRow {
  readonly run: string;
  readonly lastSeq: number;
  readonly sealed: boolean;
  readonly events: number;
  readonly highestSeq: number;
  readonly seals: number;
  readonly lastType: string | null;
  /** Frames of an attempt behind frames of a newer one. */
  readonly outOfOrder: number;
}

/** One statement, so that what it shows is one moment also while others write. */
export async function readHistory(tx: Tx, projectId: string | null = null): Promise<History> {
  const ms = (column: string) => sql.raw(`(extract(epoch FROM ${column}) * 1000)::float8`);
  const list = (table: string, row: ReturnType<typeof sql>, from: ReturnType<typeof sql>) =>
    sql`(SELECT coalesce(json_agg(json_build_object(${row}) ORDER BY ${sql.raw(table)}), '[]'::json) FROM ${from})`;
  const inProject = (alias: string) =>
    projectId === null ? sql`true` : sql`${sql.raw(alias)}.project_id = ${projectId}`;
  const [row] = await tx.execute<{ history: History }>(sql`SELECT json_build_object(
    'nowMs', ${ms("clock_timestamp()")},
    'sessions', ${list(
      "s.number",
      sql`'project', s.project_id, 'id', s.id, 'state', s.state, 'held', s.held, 'settled', s.settled_at IS NOT NULL,
        'occupiedUntilMs', ${ms("s.occupied_until")}`,
      sql`sessions s WHERE ${inProject("s")}`,
    )},
    'runs', ${list(
      "r.number",
      sql`'id', r.id, 'number', r.number, 'project', r.project_id, 'session', r.session_id, 'parent', r.parent_session_id, 'state', r.state,
        'outcome', r.outcome, 'ready', r.ready, 'waitingFor', r.waiting_for, 'leaseExpiresAtMs', ${ms("r.lease_expires_at")},
        'finishedAtMs', ${ms("r.finished_at")}, 'pausedUntilMs', ${ms("greatest(r.not_before, r.offer_after)")}, 'attempt', r.attempt,
        'deliveries', r.deliveries, 'offers', r.offers, 'mode', r.execution_mode, 'byAgent', r.parent_run_id IS NOT NULL, 'join', r.join_policy`,
      sql`runs r WHERE ${inProject("r")}`,
    )},
    'attempts', ${list(
      "a.run_id, a.attempt",
      sql`'run', a.run_id, 'attempt', a.attempt, 'claimedAtMs', ${ms("a.claimed_at")}, 'started', a.started_at IS NOT NULL,
        'ended', a.ended_at IS NOT NULL, 'endReason', a.end_reason, 'reportedEnd', a.end_hash IS NOT NULL, 'framesTold', a.next_frame - 1,
        'framesStored', (SELECT count(*) FROM events e WHERE e.run_id = a.run_id AND e.attempt = a.attempt AND e.frame IS NOT NULL),
        'logState', a.log_state`,
      sql`attempts a JOIN runs r ON r.id = a.run_id WHERE ${inProject("r")}`,
    )},
    'duties', ${list(
      "d.created_at, d.id",
      sql`'id', d.id, 'project', d.project_id, 'parent', d.parent_session_id, 'child', d.child_session_id, 'group', d.parent_run_id,
        'originRun', d.origin_run_id, 'owed', d.state = 'owed', 'createdAtMs', ${ms("d.created_at")}`,
      sql`duties d WHERE ${inProject("d")}`,
    )},
    'items', ${list(
      "i.number",
      sql`'id', i.id, 'project', i.project_id, 'session', i.session_id, 'kind', i.kind, 'state', i.state, 'duty', i.duty_id,
        'child', i.child_session_id, 'group', i.group_run_id, 'run', i.run_id, 'attempt', i.attempt, 'reservedBy', i.reserved_by,
        'pausedUntilMs', ${ms("i.not_before")}`,
      sql`inbox_items i WHERE ${inProject("i")}`,
    )},
    'streams', ${list(
      "t.run_id",
      sql`'run', t.run_id, 'lastSeq', t.last_seq, 'sealed', t.sealed_at IS NOT NULL, 'events', e.events, 'highestSeq', e.highest,
        'seals', e.seals, 'lastType', e.last_type, 'outOfOrder', e.out_of_order`,
      sql`streams t JOIN runs r ON r.id = t.run_id, LATERAL (
          SELECT count(*) AS events, coalesce(max(x.seq), 0) AS highest, count(*) FILTER (WHERE x.type = 'log_sealed') AS seals,
            (array_agg(x.type ORDER BY x.seq DESC))[1] AS last_type,
            count(*) FILTER (WHERE x.frame IS NOT NULL AND x.attempt < x.newest) AS out_of_order
          FROM (SELECT y.*, max(y.attempt) FILTER (WHERE y.frame IS NOT NULL) OVER (ORDER BY y.seq) AS newest
            FROM events y WHERE y.run_id = t.run_id) x) e
        WHERE ${inProject("r")}`,
    )}) AS history`);
  if (row === undefined) throw new Error("no history");
  return row.history;
}
