import type { Session } from "@parallax/shared/protocol/sessions";
import { SESSION_STATES } from "@parallax/shared/session-state";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES, UsageError } from "../exit-codes.ts";
import { printJson } from "../print-json.ts";
import type { Flags } from "../read-flags.ts";
import { printTable } from "../terminal/format-table.ts";
import { formatAge } from "../terminal/format-time.ts";
import type { Io } from "../terminal/io.ts";
import { paintState } from "../terminal/paint-state.ts";

export const sessionsCommand: Command = {
  name: "sessions",
  summary: "list sessions, newest first",
  operands: "",
  options: [
    { name: "status", value: "STATE", help: SESSION_STATES.join(", ") },
    { name: "parent", value: "ID", help: "children of this session" },
    { name: "limit", value: "N", help: "at most N, default 50" },
    ...CONNECTION_OPTIONS,
    JSON_OPTION,
  ],
  async run(io, flags) {
    const status = readStatus(flags);
    const { client } = await connect(io, flags);
    const limit = flags.number("limit", { min: 1, max: 500 }) ?? 50;
    const page = await client.sessions.list(
      { status, parent_session_id: flags.text("parent"), limit },
      { signal: io.signal },
    );
    if (flags.isOn("json")) printJson(io, page);
    else printSessions(io, page.sessions, Date.now());
    return EXIT_CODES.ok;
  },
};

function readStatus(flags: Flags): Session["status"] | undefined {
  const status = flags.text("status");
  if (status === undefined) return undefined;
  const known = SESSION_STATES.find((state) => state === status);
  if (known === undefined) throw new UsageError(`--status is one of ${SESSION_STATES.join(", ")}`);
  return known;
}

function printSessions(io: Io, sessions: readonly Session[], nowMs: number): void {
  printTable<Session>(
    io,
    [
      { title: "SESSION", cell: (session) => session.session_id },
      {
        title: "STATUS",
        cell: (session) => session.status,
        paint: (text, session) => paintState(io, session.status, text),
      },
      { title: "EXECUTOR", cell: (session) => session.executor },
      { title: "AGENT", cell: (session) => session.agent_name ?? "" },
      { title: "PARENT", cell: (session) => session.parent_session_id ?? "" },
      { title: "HOST", cell: (session) => session.hostname ?? "" },
      { title: "ACTIVE", cell: (session) => formatAge(session.last_activity_at, nowMs) },
    ],
    sessions,
    "no sessions",
  );
}
