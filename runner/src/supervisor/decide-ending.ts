import { type ErrorCode, isParallaxError } from "@parallax/shared/errors";
import type { Ending } from "@parallax/shared/executor/adapter";
import type { Outcome } from "@parallax/shared/outcome";
import type { StopCause } from "./stop-agent.ts";

/** Ends that a request to stop does not change: the work was done, or was refused by itself. */
const KEPT_WHEN_STOPPED: ReadonlySet<Outcome> = new Set([
  "completed",
  "completed_with_denials",
  "needs_input",
  "usage_limited",
  "budget_exceeded",
  "refused",
]);

/** Whose fault it was when nothing had been started yet: the executor's settings and its program, or this host. */
const EXECUTOR_CODES: ReadonlySet<ErrorCode> = new Set([
  "executor_not_found",
  "executor_unknown",
  "executor_config_invalid",
  "executor_failed",
  "unsupported_option",
  "invalid_request",
]);

const DISK_FULL_HINT =
  "Make room on the disk of the runner's state directory, or give it another one with --state-dir.";

/** The adapter judged what it read; why the agent was ended from outside decides over that. */
export function decideEnding(judged: Ending, cause: StopCause | null): Ending {
  if (cause === null) return judged;
  if (cause.kind === "timeout" || cause.kind === "idle_timeout") {
    return { ...judged, outcome: cause.kind, error: { code: cause.kind, message: `The agent ${cause.reason}.` } };
  }
  if (KEPT_WHEN_STOPPED.has(judged.outcome)) return judged;
  if (cause.kind === "disk_full") {
    return {
      ...judged,
      outcome: "infra_error",
      error: { code: "disk_full", message: cause.reason, hint: DISK_FULL_HINT },
    };
  }
  if (cause.kind === "interrupt") return { ...judged, outcome: "interrupted", error: null };
  return { ...judged, outcome: "stopped", error: { code: "stopped", message: cause.reason } };
}

export function endingOfStop(cause: StopCause): Ending {
  return decideEnding({ outcome: "agent_error", resultText: null, resultData: null, error: null, usage: null }, cause);
}

/** Something failed before an agent was started, or around it. */
export function endingOfError(error: unknown): Ending {
  const nothing = { resultText: null, resultData: null, usage: null };
  if (!isParallaxError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...nothing, outcome: "infra_error", error: { code: "internal", message } };
  }
  return {
    ...nothing,
    outcome: EXECUTOR_CODES.has(error.code) ? "executor_error" : "infra_error",
    error: {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.details === undefined ? {} : { details: error.details }),
    },
  };
}
