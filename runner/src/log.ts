import type { Writable } from "node:stream";
import { type Logger, pino } from "pino";

/**
 * Messages are static and may name fields in braces; the values are in the fields. A terminal sees them filled in, one line each, as
 * `2025-01-15 10:00:05 [INFO] poller: Received run run_xyz (start_session)`; anything else gets pino's JSON.
 */
export type RunnerLog = Logger;

export interface LogOptions {
  readonly verbose: boolean;
  readonly terminal: boolean;
  readonly output: Writable;
}

export function createRunnerLog({ verbose, terminal, output }: LogOptions): RunnerLog {
  const level = verbose ? "debug" : "info";
  const destination = terminal ? { write: (line: string) => void output.write(formatLine(line)) } : output;
  return pino({ level, base: null }, destination);
}

const NAMES: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARNING",
  50: "ERROR",
  60: "FATAL",
};

export function formatLine(json: string): string {
  const { level, time, component, msg, err, hint, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const name = component ?? "agent-runner";
  const text = String(msg).replace(/\{(\w+)\}/g, (whole, field: string) =>
    field in fields ? printable(fields[field]) : whole,
  );
  const reason = typeof err === "object" && err !== null && "message" in err ? `: ${printable(err.message)}` : "";
  const help = typeof hint === "string" ? ` ${hint}` : "";
  return `${localTime(new Date(Number(time)))} [${NAMES[Number(level)] ?? level}] ${name}: ${text}${reason}${help}\n`;
}

/** What a run or a coordinator is called must not move the cursor of whoever watches. */
function printable(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return (text ?? "").replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}

function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
