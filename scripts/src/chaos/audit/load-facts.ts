import type { InboxState } from "@parallax/shared/inbox-state";
import type { RunState } from "@parallax/shared/run-state";
import type { SessionState } from "@parallax/shared/session-state";
import type { Sql } from "postgres";

export interface RunFacts {
  readonly id: string;
  readonly sessionId: string;
  readonly type: "start_session" | "resume_session";
  readonly origin: "request" | "callback" | "retry" | "agent";
  readonly state: RunState;
  readonly ready: boolean;
  readonly waitingFor: string | null;
  readonly executionMode: string;
  readonly parentSessionId: string | null;
  readonly attempt: number;
  readonly deliveries: number;
  readonly outcome: string | null;
  readonly errorCode: string | null;
  readonly resultText: string | null;
  readonly leaseLeftMs: number | null;
  readonly notBeforeInMs: number | null;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly stopRequestedAtMs: number | null;
}

export interface AttemptFacts {
  readonly runId: string;
  readonly attempt: number;
  readonly runnerId: string;
  readonly claimedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly endReason: string | null;
  readonly logState: string;
}

interface SessionFacts {
  readonly id: string;
  readonly state: SessionState;
  readonly held: boolean;
  readonly settled: boolean;
  readonly rootSessionId: string;
  readonly occupiedLeftMs: number | null;
}

interface DutyFacts {
  readonly id: string;
  readonly parentSessionId: string;
  readonly childSessionId: string;
  readonly originRunId: string;
  readonly state: "owed" | "paid";
}

export interface ItemFacts {
  readonly id: string;
  readonly sessionId: string;
  readonly kind: string;
  readonly state: InboxState;
  readonly dutyId: string | null;
  readonly childSessionId: string | null;
  readonly message: string | null;
  readonly runId: string | null;
  readonly deliveries: number;
  readonly dueInMs: number | null;
}

interface DirectiveFacts {
  readonly runId: string;
  readonly attempt: number;
  readonly kind: string;
}

/** The whole truth of a round, read in one transaction. */
export interface Facts {
  readonly runs: readonly RunFacts[];
  readonly attempts: readonly AttemptFacts[];
  readonly sessions: readonly SessionFacts[];
  readonly duties: readonly DutyFacts[];
  readonly items: readonly ItemFacts[];
  readonly directives: readonly DirectiveFacts[];
}

export async function loadFacts(sql: Sql): Promise<Facts> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    const ms = (column: string) => tx.unsafe(`(extract(epoch FROM ${column}) * 1000)::float8`);
    const left = (column: string) => tx.unsafe(`(extract(epoch FROM ${column} - clock_timestamp()) * 1000)::float8`);
    const runs = await tx<RunFacts[]>`
      SELECT id, session_id AS "sessionId", type, origin, state, ready, waiting_for AS "waitingFor", execution_mode AS "executionMode",
        parent_session_id AS "parentSessionId", attempt, deliveries, outcome, error->>'code' AS "errorCode", result_text AS "resultText",
        ${left("lease_expires_at")} AS "leaseLeftMs", ${left("not_before")} AS "notBeforeInMs", ${ms("created_at")} AS "createdAtMs",
        ${ms("finished_at")} AS "finishedAtMs", ${ms("stop_requested_at")} AS "stopRequestedAtMs"
      FROM runs ORDER BY number`;
    const attempts = await tx<AttemptFacts[]>`
      SELECT run_id AS "runId", attempt, runner_id AS "runnerId", ${ms("claimed_at")} AS "claimedAtMs", ${ms("started_at")} AS "startedAtMs",
        ${ms("ended_at")} AS "endedAtMs", end_reason AS "endReason", log_state AS "logState"
      FROM attempts ORDER BY run_id, attempt`;
    const sessions = await tx<SessionFacts[]>`
      SELECT id, state, held, settled_at IS NOT NULL AS settled, root_session_id AS "rootSessionId",
        ${left("occupied_until")} AS "occupiedLeftMs" FROM sessions ORDER BY number`;
    const duties = await tx<DutyFacts[]>`
      SELECT id, parent_session_id AS "parentSessionId", child_session_id AS "childSessionId", origin_run_id AS "originRunId", state FROM duties`;
    const items = await tx<ItemFacts[]>`
      SELECT id, session_id AS "sessionId", kind, state, duty_id AS "dutyId", child_session_id AS "childSessionId", payload->>'message' AS message,
        run_id AS "runId", deliveries, ${left("not_before")} AS "dueInMs" FROM inbox_items ORDER BY number`;
    const directives = await tx<DirectiveFacts[]>`SELECT run_id AS "runId", attempt, kind FROM directives`;
    return { runs, attempts, sessions, duties, items, directives };
  });
}
