/** One assistant line: a block of the model's reply, or an error of the model's API in the shape of a reply. */
import type { AgentEvent, Reading } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asFields, asList, asNumber, asText, present, shallow } from "./json-fields.ts";

export function readAssistant(fields: Fields, evidence: Evidence): Reading {
  const message = asFields(fields["message"]);
  const events: AgentEvent[] = [];
  const from = present({
    message_id: asText(message["id"]),
    parent_tool_call_id: asText(fields["parent_tool_use_id"]),
  });
  for (const item of asList(message["content"])) {
    const block = asFields(item);
    const event = isApiError(fields) ? errorOf(block, fields) : eventOf(block, from);
    if (event !== null) events.push(event);
  }
  if (isMainThread(fields)) noteEvidence(fields, message, events, evidence);
  return { events, signals: [] };
}

function isApiError(fields: Fields): boolean {
  return fields["is_api_error_message"] === true || asText(fields["error"]) !== null;
}

/** What a subagent ran into is its parent's to judge. */
function isMainThread(fields: Fields): boolean {
  return asText(fields["parent_tool_use_id"]) === null;
}

function noteEvidence(fields: Fields, message: Fields, events: readonly AgentEvent[], evidence: Evidence): void {
  evidence.refused = message["stop_reason"] === "refusal";
  if (!isApiError(fields)) {
    evidence.apiFailure = null;
    return;
  }
  const kind = asText(fields["error"]);
  evidence.apiFailure = {
    kind,
    status: asNumber(fields["api_error_status"]),
    type: asText(fields["api_error_type"]),
    text: events.map((event) => String(event.data["message"])).join("\n"),
  };
  const limit = asFields(asFields(fields["api_error_params"])["rate_limit_info"]);
  const resetsAt = asNumber(limit["resetsAt"]);
  if (resetsAt !== null) evidence.limitResetsAt = isoOfSeconds(resetsAt);
}

/** Null for what no date can hold. */
export function isoOfSeconds(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function errorOf(block: Fields, fields: Fields): AgentEvent | null {
  const text = asText(block["text"]);
  if (text === null) return null;
  const facts = present({
    kind: asText(fields["error"]),
    status: asNumber(fields["api_error_status"]),
    type: asText(fields["api_error_type"]),
  });
  return { type: "error", data: { code: "agent_api_error", message: text, ...facts } };
}

function eventOf(block: Fields, from: Fields): AgentEvent | null {
  switch (block["type"]) {
    case "text":
      return { type: "message", data: { role: "assistant", text: asText(block["text"]) ?? "", ...from } };
    case "thinking":
      return { type: "thinking", data: { text: asText(block["thinking"]) ?? "", ...from } };
    case "redacted_thinking":
      return { type: "thinking", data: { text: "", redacted: true, ...from } };
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return {
        type: "tool_call",
        data: {
          id: asText(block["id"]) ?? "",
          name: asText(block["name"]) ?? "",
          input: shallow(block["input"] ?? {}),
          ...from,
        },
      };
    default:
      return null;
  }
}
