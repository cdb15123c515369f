/** One result line: the end of a turn, though not always of the last one. */
import type { AgentEvent, AgentSignal, Reading } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asFields, asList, asNumber, asText, present } from "./json-fields.ts";
import { usageOfResult } from "./usage.ts";

export function readResult(fields: Fields, evidence: Evidence): Reading {
  evidence.result = fields;
  for (const item of asList(fields["permission_denials"])) {
    const denial = asFields(item);
    const toolUseId = asText(denial["tool_use_id"]);
    const tool = asText(denial["tool_name"]);
    if (toolUseId !== null && tool !== null) evidence.denials.set(toolUseId, { toolUseId, tool });
  }
  const usage = usageOfResult(fields);
  evidence.usages.push(usage);
  const result: AgentEvent = {
    type: "result",
    data: present({
      text: asText(fields["result"]),
      subtype: asText(fields["subtype"]),
      is_error: fields["is_error"] === true,
      stop_reason: asText(fields["stop_reason"]),
      terminal_reason: asText(fields["terminal_reason"]),
      num_turns: asNumber(fields["num_turns"]),
      duration_ms: asNumber(fields["duration_ms"]),
      // The CLI's own running total over the whole conversation, to compare ours with.
      conversation_cost_usd: asNumber(fields["total_cost_usd"]),
    }),
  };
  const ended: AgentSignal[] = evidence.tellsState ? [] : [{ kind: "turn_ended" }];
  return { events: [{ type: "usage", data: usage }, result], signals: ended };
}
