/**
 * The log as text: a view of the one sequence. What the agent said, called and answered, and its raw output, in order.
 * Called by: GET /runs/{id}/log.
 */
import type { Deps } from "../deps.ts";
import { readEvents } from "../store/events.ts";
import type { EventRecord, RunRecord } from "../store/records.ts";

const PAGE = 500;

export function streamLog(deps: Deps, run: RunRecord): Response {
  const encoder = new TextEncoder();
  let position = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        for (;;) {
          const events = await readEvents(deps.store.db, run.id, position, PAGE);
          const last = events.at(-1);
          if (last === undefined) return controller.close();
          position = last.seq;
          const text = events.map(logText).join("");
          if (text === "") continue;
          controller.enqueue(encoder.encode(text));
          return;
        }
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}

/** One event as lines of text; events that are not words of the agent leave no trace here. */
function logText(event: Pick<EventRecord, "type" | "data">): string {
  const data = JSON.parse(event.data) as Record<string, unknown>;
  const text = typeof data["text"] === "string" ? data["text"] : null;
  switch (event.type) {
    case "message":
    case "thinking":
      return text === null ? "" : `${text}\n`;
    case "output":
      return text === null ? "" : endLine(text);
    case "tool_call":
      return `[tool] ${String(data["name"] ?? "")} ${JSON.stringify(data["input"] ?? data["arguments"] ?? {})}\n`;
    case "tool_result":
      return `[tool result] ${text ?? JSON.stringify(data["content"] ?? data["result"] ?? data)}\n`;
    case "error":
      return `[error] ${String(data["message"] ?? JSON.stringify(data))}\n`;
    case "output_truncated":
    case "log_cut":
      return `[${event.type}] ${event.data}\n`;
    default:
      return "";
  }
}

function endLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
