import { ParallaxError } from "@parallax/shared/errors";
import { CALL_HEADER, INCARNATION_HEADER } from "@parallax/shared/protocol/attempts";
import { proveAttempt } from "../auth/identify-claimer.ts";
import type { Deps } from "../deps.ts";
import type { GatewayCallKey } from "../store/gateway-calls.ts";
import { findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { judgeAttempt } from "./fence-agent.ts";

/** An agent of ours, through its supervisor's gateway: it sees and touches only what is below its own session. */
export interface AgentCaller {
  readonly kind: "agent";
  readonly projectId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly incarnation: string;
  readonly sessionId: string;
  readonly rootSessionId: string;
  /** The gateway's number of this call; a repeat carries the same one. */
  readonly call: number | null;
}

/** A person's own MCP client, with a key and without a session: it sees the whole project. */
export interface PersonCaller {
  readonly kind: "person";
  readonly projectId: string;
}

export type McpCaller = AgentCaller | PersonCaller;

const LEASE_TOKEN_PREFIX = "lt1.";
const CALL_MAX = 2_147_483_647;

export function isLeaseToken(bearer: string | null): bearer is string {
  return bearer?.startsWith(LEASE_TOKEN_PREFIX) === true;
}

/** Proves the attempt and looks whether it still is one. Writes look again under the run's lock. */
export async function identifyAgent(deps: Deps, token: string, headers: Headers): Promise<AgentCaller> {
  const proof = await proveAttempt(deps, token, null, null);
  const run = await findRun(deps.store.db, proof.runId);
  const session = run === null ? null : await findSession(deps.store.db, run.projectId, run.sessionId);
  if (run === null || session === null) throw new ParallaxError("run_not_found", `no run ${proof.runId}`);
  const incarnation = headers.get(INCARNATION_HEADER) ?? "";
  judgeAttempt(run, { attempt: proof.attempt, incarnation });
  return {
    kind: "agent",
    projectId: run.projectId,
    runId: run.id,
    attempt: proof.attempt,
    incarnation,
    sessionId: run.sessionId,
    rootSessionId: session.rootSessionId,
    call: readCallNumber(headers.get(CALL_HEADER)),
  };
}

function readCallNumber(header: string | null): number | null {
  if (header === null) return null;
  const call = /^[1-9][0-9]{0,9}$/.test(header) ? Number(header) : Number.NaN;
  if (Number.isNaN(call) || call > CALL_MAX)
    throw new ParallaxError("invalid_request", `${CALL_HEADER}: must be a whole number from 1 to ${CALL_MAX}`);
  return call;
}

/** What a write of an agent is recorded under. */
export function callKeyOf(agent: AgentCaller): GatewayCallKey {
  if (agent.call === null) {
    throw new ParallaxError("invalid_request", `this tool needs the header ${CALL_HEADER}`, {
      hint: "the supervisor's gateway numbers the agent's calls; call through it",
    });
  }
  return { runId: agent.runId, attempt: agent.attempt, call: agent.call };
}

/** The name under which a call keeps an inbox item for itself. */
export function reservationOf({ runId, attempt, call }: GatewayCallKey): string {
  return `${runId}/${attempt}/${call}`;
}
