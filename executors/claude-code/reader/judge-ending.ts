/**
 * Decides how an attempt ended. The CLI's own summary misleads: an API failure is a "success" with is_error, a denied tool leaves no
 * trace but a list, an interrupt may exit with 0. So: is_error first, the exit code last.
 */
import type { Ending, EndingError, ProcessExit } from "@parallax/shared/executor/adapter";
import type { Outcome } from "@parallax/shared/outcome";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asText, shallow } from "./json-fields.ts";
import { judgeFailure } from "./judge-failure.ts";
import { judgeSilence } from "./judge-silence.ts";
import { addUsages } from "./usage.ts";

export interface Verdict {
  readonly outcome: Outcome;
  readonly error: EndingError | null;
}

export function judgeEnding(evidence: Evidence, exit: ProcessExit, stopRequested: boolean): Ending {
  const { result } = evidence;
  const verdict =
    result === null ? judgeSilence(evidence, exit, stopRequested) : judgeResult(result, evidence, stopRequested);
  return {
    ...verdict,
    resultText: result === null || result["is_error"] === true ? null : asText(result["result"]),
    resultData: shallow(result?.["structured_output"] ?? null),
    usage: addUsages(evidence.usages),
  };
}

function judgeResult(result: Fields, evidence: Evidence, stopRequested: boolean): Verdict {
  const reason = asText(result["terminal_reason"]);
  if (reason === "aborted_streaming" || reason === "aborted_tools") {
    return { outcome: stopRequested ? "stopped" : "interrupted", error: null };
  }
  if (result["stop_reason"] === "refusal" || evidence.refused) return judgeRefusal(result);
  if (result["is_error"] === true) return judgeFailure(result, evidence);
  if (evidence.denials.size > 0) return judgeDenials(evidence);
  return { outcome: "completed", error: null };
}

function judgeRefusal(result: Fields): Verdict {
  const text = asText(result["result"]);
  return {
    outcome: "refused",
    error: {
      code: "agent_refused",
      message: `the model refused to answer${text === null || text === "" ? "" : `: ${text}`}`,
      hint: "Rephrase the request in a new session, or choose another executor_config.model.",
    },
  };
}

function judgeDenials({ denials }: Evidence): Verdict {
  const tools = [...new Set([...denials.values()].map((denial) => denial.tool))].toSorted();
  return {
    outcome: "completed_with_denials",
    error: {
      code: "agent_denied",
      message: `the agent was not permitted to use ${tools.join(", ")} (${denials.size} ${denials.size === 1 ? "call" : "calls"})`,
      hint: `Name what it may use in executor_config.allowed_tools, for example ${JSON.stringify(tools.slice(0, 3))}, or choose another executor_config.permission_mode.`,
      details: { tools, calls: denials.size },
    },
  };
}
