import { type Logger, pino } from "pino";

/**
 * Messages are static, values are in the fields: pino's JSON for programs. A terminal sees one line each, as
 * `2025-01-15 10:00:05 [INFO] poller: Received run run_xyz (start_session)`.
 */
export type RunnerLog = Logger;

/** Written at once and not later: the last lines before an exit are the ones that are looked for. */
export function createRunnerLog(output: NodeJS.WriteStream & { readonly fd: number }, verbose: boolean): RunnerLog {
  const destination = output.isTTY
    ? { write: (line: string) => void output.write(formatLine(line)) }
    : pino.destination({ fd: output.fd, sync: true });
  return pino({ level: verbose ? "debug" : "info", base: null }, destination);
}

const NAMES: Readonly<Record<number, string>> = {
  10: "TRACE",
  20: "DEBUG",
  30: "INFO",
  40: "WARNING",
  50: "ERROR",
  60: "FATAL",
};

type Fields = Readonly<Record<string, unknown>>;

/** The lines that people and their scripts know; anything else is the message and its fields. */
const KNOWN_LINES: Readonly<Record<string, (fields: Fields) => string>> = {
  "Connecting to the coordinator": ({ url }) => `Connecting to Agent Coordinator at ${printable(url)}`,
  Registered: ({ runnerId }) => `Registered as ${printable(runnerId)}`,
  "Runner started - waiting for runs": () => "Runner started - waiting for runs",
  "Received run": ({ runId, type }) => `Received run ${printable(runId)} (${printable(type)})`,
  "Starting session": ({ sessionId, agent }) =>
    `Starting session ${printable(sessionId)} with agent ${printable(agent)}`,
};

export function formatLine(json: string): string {
  const { level, time, component, msg, err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const message = printable(msg);
  const reason = typeof err === "object" && err !== null && "message" in err ? `: ${printable(err.message)}` : "";
  const text = KNOWN_LINES[message]?.(fields) ?? message + reason + formatFields(fields);
  const head = `${localTime(new Date(Number(time)))} [${NAMES[Number(level)] ?? printable(level)}]`;
  return `${head} ${printable(component ?? "agent-runner")}: ${text}\n`;
}

function formatFields(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${printable(value)}`)
    .join("");
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
