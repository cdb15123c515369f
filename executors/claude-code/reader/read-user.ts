/** One user line: a replayed message of ours, results of tools, or words the CLI says in the user's name. */
import type { AgentEvent, Reading } from "@parallax/shared/executor/adapter";
import type { Fields } from "./json-fields.ts";
import { asFields, asList, asText, present } from "./json-fields.ts";

export function readUser(fields: Fields): Reading {
  const content = asFields(fields["message"])["content"];
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : asList(content).map(asFields);
  const from = present({ parent_tool_call_id: asText(fields["parent_tool_use_id"]) });
  const events: AgentEvent[] = [];
  for (const block of blocks) {
    const event = eventOf(asFields(block), fields["isReplay"] === true, from);
    if (event !== null) events.push(event);
  }
  return { events, signals: [] };
}

function eventOf(block: Fields, isReplay: boolean, from: Fields): AgentEvent | null {
  if (block["type"] === "tool_result") {
    const id = asText(block["tool_use_id"]) ?? "";
    return {
      type: "tool_result",
      data: { id, is_error: block["is_error"] === true, ...contentOf(block["content"]), ...from },
    };
  }
  const text = asText(block["text"]);
  if (block["type"] !== "text" || text === null) return null;
  if (isReplay) return { type: "message", data: { role: "user", text, ...from } };
  if (text.startsWith("[Request interrupted by user")) return { type: "status", data: { status: "interrupted" } };
  return null;
}

/** Text as text; of pictures and the like only what they are, because a log is no place for their bytes. */
function contentOf(content: unknown): Fields {
  if (typeof content === "string") return { text: content };
  const blocks = asList(content).map(asFields);
  const texts = blocks.flatMap((block) => asText(block["text"]) ?? []);
  const attachments = blocks
    .filter((block) => block["type"] !== "text" && block["type"] !== "tool_reference")
    .map(describe);
  const references = blocks.flatMap((block) => asText(block["tool_name"]) ?? []);
  return {
    text: [...texts, ...references].join("\n"),
    ...(attachments.length === 0 ? {} : { attachments }),
  };
}

function describe(block: Fields): Fields {
  const source = asFields(block["source"]);
  const data = asText(source["data"]);
  return present({
    type: asText(block["type"]),
    media_type: asText(source["media_type"]),
    base64_chars: data === null ? null : data.length,
  });
}
