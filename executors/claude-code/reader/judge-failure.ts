/** Judges a result that says that it is an error. */
import type { EndingError } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asList, asNumber, asText, present } from "./json-fields.ts";
import type { Verdict } from "./judge-ending.ts";
import { judgeComplaint } from "./judge-silence.ts";

export function judgeFailure(result: Fields, evidence: Evidence): Verdict {
  const errors = asList(result["errors"]).flatMap((error) => asText(error) ?? []);
  const text = errors.length > 0 ? errors.join("; ") : (asText(result["result"]) ?? "no reason was given");
  switch (result["subtype"]) {
    case "error_max_turns":
      return failed(text, "Raise executor_config.max_turns, or ask the session to go on.");
    case "error_max_budget_usd":
      return {
        outcome: "budget_exceeded",
        error: {
          code: "agent_failed",
          message: text,
          hint: "Raise executor_config.max_budget_usd; it counts the whole conversation.",
        },
      };
    default:
      return judgeComplaint(text) ?? judgeApiFailure(result, evidence, text) ?? failed(text);
  }
}

function failed(message: string, hint?: string): Verdict {
  return { outcome: "agent_error", error: { code: "agent_failed", message, ...(hint === undefined ? {} : { hint }) } };
}

function judgeApiFailure(result: Fields, evidence: Evidence, text: string): Verdict | null {
  const failure = evidence.apiFailure;
  const status = asNumber(result["api_error_status"]) ?? failure?.status ?? null;
  if (failure === null && status === null && result["terminal_reason"] !== "api_error") return null;
  const type = asText(result["api_error_type"]) ?? failure?.type ?? null;
  const kind = failure?.kind ?? null;
  const isLimit = status === 429 || kind === "rate_limit" || evidence.limited;
  const named = status === null ? "the model's API failed" : `the model's API answered ${status}`;
  const error: EndingError = {
    code: "agent_api_error",
    message: `${named}${type === null ? "" : ` (${type})`}: ${text}`,
    ...hintOf(kind, status, isLimit, evidence.limitResetsAt),
    details: present({ status, type, kind, resets_at: isLimit ? evidence.limitResetsAt : null }),
  };
  return { outcome: isLimit ? "usage_limited" : "agent_error", error };
}

function hintOf(
  kind: string | null,
  status: number | null,
  isLimit: boolean,
  resetsAt: string | null,
): { hint?: string } {
  if (isLimit) return { hint: resetsAt === null ? "Try again later." : `The limit is lifted at ${resetsAt}.` };
  if (kind === "authentication_failed" || status === 401) {
    return {
      hint: "Log in by running claude once as the runner's user, or start the runner with ANTHROPIC_API_KEY in its environment.",
    };
  }
  if (kind === "billing_error") return { hint: "The account cannot pay for the request; see its billing page." };
  if (status === null || status >= 500) return { hint: "Usually temporary: retry the run." };
  return {};
}
