/** One event of a run for a person's eyes. Strings come from agents: everything is made safe first. */
import type { RunEvent } from "@parallax/shared/protocol/events";
import { formatClock } from "./format-time.ts";
import type { Io } from "./io.ts";
import { cutTo, stripControls, toOneLine, toSafeJson } from "./strip-controls.ts";

const SUMMARY_CHARS_MAX = 200;

/** Null for what a reader need not see. */
export function formatEvent(io: Io, event: RunEvent): string | null {
  const text = describe(io, event);
  if (text === null) return null;
  const [first = "", ...others] = text.split("\n");
  return [`${io.paint("dim", formatClock(event.at))}  ${first}`, ...others.map((line) => `          ${line}`)].join(
    "\n",
  );
}

function describe(io: Io, event: RunEvent): string | null {
  const { data } = event;
  switch (event.type) {
    case "message":
      return data.role === "user" ? `${io.paint("magenta", "you")} ${textOf(data)}` : textOf(data);
    case "message_delta":
      return null; // the whole message follows
    case "thinking":
      return io.paint("dim", textOf(data));
    case "tool_call":
      return `${io.paint("cyan", `→ ${toOneLine(String(data.name ?? "tool"))}`)} ${io.paint("dim", summary(data.input))}`;
    case "tool_result":
      return `${data.is_error === true ? io.paint("red", "← failed") : io.paint("dim", "←")} ${io.paint("dim", summary(data.text ?? data))}`;
    case "output":
    case "plan":
      return io.paint("dim", textOf(data));
    case "error":
      return io.paint("red", `error: ${textOf(data)}`);
    case "result":
      return `${io.paint("green", "=")} ${textOf(data)}`;
    case "session_bound":
    case "usage":
      return io.paint("dim", `${event.type} ${summary(data)}`);
    case "log_sealed":
      return data.complete === false ? io.paint("yellow", `the log is incomplete ${summary(data)}`) : null;
    case "limit":
    case "output_truncated":
    case "log_cut":
      return io.paint("yellow", `${event.type} ${summary(data)}`);
    default:
      return `${toOneLine(String(event.type))} ${summary(data)}`;
  }
}

function textOf(data: RunEvent["data"]): string {
  const text = data.text ?? data.message ?? data.content;
  return typeof text === "string" ? stripControls(text).trimEnd() : summary(data);
}

function summary(value: unknown): string {
  if (value === undefined || value === null) return "";
  return cutTo(toOneLine(typeof value === "string" ? value : toSafeJson(value)), SUMMARY_CHARS_MAX);
}
