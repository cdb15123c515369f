/** A pino line for a person's eyes. Lines that are not JSON stay as they are. */
import { formatClock } from "../terminal/format-time.ts";
import type { Io } from "../terminal/io.ts";
import { stripControls, toOneLine, toSafeJson } from "../terminal/strip-controls.ts";

const WARN = 40;
const ERROR = 50;
const HIDDEN = new Set(["level", "time", "msg", "pid", "hostname", "name", "component", "v"]);

export interface LogLine {
  readonly level: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly time: number | string;
}

/** Null for a line that is no log line. */
export function parseLogLine(line: string): LogLine | null {
  if (!line.startsWith("{")) return null;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    if (typeof value.level !== "number" || typeof value.msg !== "string") return null;
    const time = typeof value.time === "number" || typeof value.time === "string" ? value.time : Date.now();
    const fields = Object.fromEntries(Object.entries(value).filter(([name]) => !HIDDEN.has(name)));
    return { level: value.level, message: fillBraces(value.msg, fields), fields, time };
  } catch {
    return null;
  }
}

export function isWorthShowing(line: string): boolean {
  const parsed = parseLogLine(line);
  return parsed === null ? line.trim() !== "" : parsed.level >= WARN;
}

export function formatLogLine(io: Io, source: string, line: string): string {
  const parsed = parseLogLine(line);
  const name = io.paint("dim", source.padEnd(11));
  if (parsed === null) return `${name} ${stripControls(line)}`;
  const style = parsed.level >= ERROR ? "red" : parsed.level >= WARN ? "yellow" : "dim";
  const fields = Object.entries(parsed.fields).map(
    ([field, value]) => `${field}=${typeof value === "string" ? value : toSafeJson(value)}`,
  );
  const clock = formatClock(new Date(parsed.time).toISOString());
  return `${io.paint("dim", clock)} ${name} ${io.paint(style, toOneLine(parsed.message))} ${io.paint("dim", toOneLine(fields.join(" ")))}`.trimEnd();
}

/** Messages are static; they may name fields in braces. */
function fillBraces(message: string, fields: Readonly<Record<string, unknown>>): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => (name in fields ? String(fields[name]) : whole));
}
