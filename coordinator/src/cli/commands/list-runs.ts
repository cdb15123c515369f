import type { Run } from "@parallax/shared/protocol/runs";
import { isTerminalRun, RUN_STATES } from "@parallax/shared/run-state";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES, UsageError } from "../exit-codes.ts";
import { printJson } from "../print-json.ts";
import type { Flags } from "../read-flags.ts";
import { printTable } from "../terminal/format-table.ts";
import { formatAge } from "../terminal/format-time.ts";
import type { Io } from "../terminal/io.ts";
import { paintState } from "../terminal/paint-state.ts";

export const runsCommand: Command = {
  name: "runs",
  summary: "list runs, newest first",
  operands: "",
  options: [
    { name: "status", value: "STATE", help: RUN_STATES.join(", ") },
    { name: "session", value: "ID", help: "runs of this session" },
    { name: "label", value: "NAME[=VALUE]", help: "runs with this label" },
    { name: "limit", value: "N", help: "at most N, default 50" },
    ...CONNECTION_OPTIONS,
    JSON_OPTION,
  ],
  async run(io, flags) {
    const status = readStatus(flags);
    const { client } = await connect(io, flags);
    const page = await client.runs.list(
      {
        status,
        session_id: flags.text("session"),
        label: flags.text("label"),
        limit: flags.number("limit", { min: 1, max: 500 }) ?? 50,
      },
      { signal: io.signal },
    );
    if (flags.isOn("json")) printJson(io, page);
    else printRuns(io, page.runs, Date.now());
    return EXIT_CODES.ok;
  },
};

function readStatus(flags: Flags): Run["status"] | undefined {
  const status = flags.text("status");
  if (status === undefined) return undefined;
  const known = RUN_STATES.find((state) => state === status);
  if (known === undefined) throw new UsageError(`--status is one of ${RUN_STATES.join(", ")}`);
  return known;
}

function printRuns(io: Io, runs: readonly Run[], nowMs: number): void {
  printTable<Run>(
    io,
    [
      { title: "RUN", cell: (run) => run.run_id },
      { title: "SESSION", cell: (run) => run.session_id },
      { title: "STATUS", cell: (run) => run.status, paint: (text, run) => paintState(io, run.status, text) },
      { title: "EXECUTOR", cell: (run) => run.executor },
      { title: "TRY", cell: (run) => String(run.attempt) },
      { title: "AGE", cell: (run) => formatAge(run.created_at, nowMs) },
      { title: "WHAT", cell: whatOf },
    ],
    runs,
    "no runs",
  );
}

/** While it is under way why it waits or what it was asked, afterwards what came of it. */
function whatOf(run: Run): string {
  if (run.error !== null) return `${run.outcome}: ${run.error.message}`;
  if (isTerminalRun(run.status)) return run.result_text ?? run.outcome ?? "";
  return run.waiting_for === null ? (run.prompt ?? "") : `waiting: ${run.waiting_for}`;
}
