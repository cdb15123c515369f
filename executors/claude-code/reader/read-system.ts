/** One system line: the start of a turn, and what the CLI has to tell about itself. */
import type { AgentEvent, AgentSignal, Reading } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asFields, asList, asNumber, asText, present } from "./json-fields.ts";

const NOTHING: Reading = { events: [], signals: [] };

/** Counters and repetitions of what other lines say. */
const NOISE: ReadonlySet<string> = new Set([
  "thinking_tokens",
  "background_tasks_changed",
  "task_updated",
  "task_progress",
]);

/** Servers that answer, may yet answer, or were switched off on purpose. */
const AVAILABLE_LATER: ReadonlySet<unknown> = new Set(["connected", "pending", "disabled"]);

export function readSystem(fields: Fields, evidence: Evidence): Reading {
  const subtype = asText(fields["subtype"]) ?? "";
  if (NOISE.has(subtype)) return NOTHING;
  switch (subtype) {
    case "init":
      return readInit(fields, evidence);
    case "session_state_changed":
      return readState(fields, evidence);
    case "status":
      return status(asText(fields["status"]) ?? "unknown");
    case "permission_denied":
      noteDenial(fields, evidence);
      return status("permission_denied", {
        tool: asText(fields["tool_name"]),
        tool_call_id: asText(fields["tool_use_id"]),
        reason: asText(fields["decision_reason"]) ?? asText(fields["message"]),
      });
    case "api_retry":
      return status("api_retry", {
        attempt: asNumber(fields["attempt"]),
        attempts_max: asNumber(fields["max_retries"]),
        delay_ms: asNumber(fields["retry_delay_ms"]),
        api_status: asNumber(fields["error_status"]),
        reason: asText(fields["error"]),
      });
    case "informational":
      return status("notice", { level: asText(fields["level"]), text: asText(fields["content"]) });
    default:
      return status(subtype === "" ? "unknown" : subtype, {
        text: asText(fields["summary"]) ?? asText(fields["description"]) ?? asText(fields["message"]),
        task_id: asText(fields["task_id"]),
        task_type: asText(fields["task_type"]),
      });
  }
}

/** Repeats at every turn of the process; the first one binds. */
function readInit(fields: Fields, evidence: Evidence): Reading {
  const id = asText(fields["session_id"]);
  if (evidence.bound || id === null || id === "") return NOTHING;
  evidence.bound = true;
  const bound: AgentEvent = {
    type: "session_bound",
    data: present({
      executor_session_id: id,
      model: asText(fields["model"]),
      version: asText(fields["claude_code_version"]),
      permission_mode: asText(fields["permissionMode"]),
    }),
  };
  const unreachable = asList(fields["mcp_servers"])
    .map(asFields)
    .filter((server) => !AVAILABLE_LATER.has(server["status"]))
    .map((server) => present({ name: asText(server["name"]), status: asText(server["status"]) }));
  const missing: AgentEvent[] =
    unreachable.length === 0
      ? []
      : [{ type: "status", data: { status: "mcp_servers_unavailable", servers: unreachable } }];
  return { events: [bound, ...missing], signals: [{ kind: "bound", executorSessionId: id }] };
}

/**
 * A result is not the last word while subagents work: they report later, and the CLI then begins another turn by itself. It says
 * "idle" when nothing of that kind is left. Commands in the background do not keep it busy.
 */
function readState(fields: Fields, evidence: Evidence): Reading {
  evidence.tellsState = true;
  const ended: AgentSignal[] = fields["state"] === "idle" && evidence.result !== null ? [{ kind: "turn_ended" }] : [];
  return { events: [], signals: ended };
}

function noteDenial(fields: Fields, evidence: Evidence): void {
  const toolUseId = asText(fields["tool_use_id"]);
  const tool = asText(fields["tool_name"]);
  if (toolUseId !== null && tool !== null) evidence.denials.set(toolUseId, { toolUseId, tool });
}

function status(name: string, facts: Fields = {}): Reading {
  return { events: [{ type: "status", data: { status: name, ...present(facts) } }], signals: [] };
}
