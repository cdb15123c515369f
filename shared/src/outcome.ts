import type { RunState } from "./run-state.ts";

/**
 * Why a run is terminal, finer than its state. The state is derived from the outcome, never the other way round.
 * completed_with_denials: the agent ended its turn, but something it wanted to do was not permitted.
 * needs_input: it ended its turn with an open question. interrupted: a person cut the turn short and keeps the session.
 */
export const OUTCOMES = [
  "completed",
  "completed_with_denials",
  "needs_input",
  "interrupted",
  "usage_limited",
  "budget_exceeded",
  "refused",
  "agent_error",
  "executor_error",
  "infra_error",
  "timeout",
  "idle_timeout",
  "lost",
  "poison",
  "expired",
  "stopped",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const STATE_OF_OUTCOME: Readonly<Record<Outcome, Extract<RunState, "completed" | "failed" | "stopped">>> = {
  completed: "completed",
  completed_with_denials: "completed",
  needs_input: "completed",
  interrupted: "completed",
  usage_limited: "failed",
  budget_exceeded: "failed",
  refused: "failed",
  agent_error: "failed",
  executor_error: "failed",
  infra_error: "failed",
  timeout: "failed",
  idle_timeout: "failed",
  lost: "failed",
  poison: "failed",
  expired: "failed",
  stopped: "stopped",
};

export function stateOfOutcome(outcome: Outcome): "completed" | "failed" | "stopped" {
  return STATE_OF_OUTCOME[outcome];
}
