import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

/** What of a project's state a model can know. */
export interface Observed {
  readonly runs: readonly {
    readonly id: string;
    readonly session: string;
    readonly state: string;
    readonly outcome: string | null;
    readonly ready: boolean;
    readonly waitingFor: string | null;
    readonly attempt: number;
    readonly deliveries: number;
    readonly offers: number;
    readonly origin: string;
    readonly priority: number;
    readonly join: string;
  }[];
  readonly sessions: readonly {
    readonly id: string;
    readonly look: string;
    readonly parent: string | null;
    readonly held: boolean;
    readonly occupied: boolean;
    readonly settled: boolean;
  }[];
  readonly items: readonly {
    readonly id: string;
    readonly session: string;
    readonly child: string | null;
    readonly state: string;
    readonly says: string | null;
    readonly run: string | null;
    readonly told: number | null;
    readonly deliveries: number;
    readonly paused: boolean;
    readonly reservedBy: string | null;
  }[];
  readonly duties: readonly string[];
  /** The order in which runs were made, by id. */
  readonly numbers: Readonly<Record<string, number>>;
}

export async function observeProject(tx: Tx, project: string): Promise<Observed> {
  const [row] = await tx.execute<{ observed: Observed }>(sql`SELECT json_build_object(
    'runs', (SELECT coalesce(json_agg(json_build_object('id', id, 'session', session_id, 'state', state, 'outcome', outcome, 'ready', ready,
        'waitingFor', waiting_for, 'attempt', attempt, 'deliveries', deliveries, 'offers', offers, 'priority', priority, 'join', join_policy,
        'origin', CASE WHEN origin = 'callback' THEN origin ELSE 'asked' END) ORDER BY number), '[]') FROM runs WHERE project_id = ${project}),
    'numbers', (SELECT coalesce(json_object_agg(id, number), '{}') FROM runs WHERE project_id = ${project}),
    'sessions', (SELECT coalesce(json_agg(json_build_object('id', id, 'parent', parent_session_id, 'held', held,
        'look', CASE WHEN state IN ('idle', 'waiting') THEN 'rest' ELSE state END, 'settled', settled_at IS NOT NULL,
        'occupied', coalesce(occupied_until > clock_timestamp(), false))), '[]') FROM sessions WHERE project_id = ${project}),
    'items', (SELECT coalesce(json_agg(json_build_object('id', id, 'session', session_id, 'child', child_session_id, 'state', state,
        'says', payload ->> 'outcome', 'run', CASE WHEN state IN ('assigned', 'taken') THEN run_id END,
        'told', CASE WHEN state IN ('assigned', 'taken') THEN attempt END, 'deliveries', deliveries,
        'paused', state = 'new' AND coalesce(not_before > clock_timestamp(), false),
        'reservedBy', CASE WHEN state = 'new' THEN reserved_by END) ORDER BY number), '[]') FROM inbox_items WHERE project_id = ${project}),
    'duties', (SELECT coalesce(json_agg(child_session_id || ' to ' || parent_session_id || ' ' || state), '[]') FROM duties WHERE project_id = ${project})
  ) AS observed`);
  if (row === undefined) throw new Error("nothing observed");
  return row.observed;
}
