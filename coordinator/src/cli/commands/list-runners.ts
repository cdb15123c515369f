import type { Runner } from "@parallax/shared/protocol/runners";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { printJson } from "../print-json.ts";
import { printTable } from "../terminal/format-table.ts";
import { formatDuration } from "../terminal/format-time.ts";
import type { Io } from "../terminal/io.ts";
import { paintState } from "../terminal/paint-state.ts";

export const runnersCommand: Command = {
  name: "runners",
  summary: "list runners with their slots and executors",
  operands: "",
  options: [...CONNECTION_OPTIONS, JSON_OPTION],
  async run(io, flags) {
    const { client } = await connect(io, flags);
    const runners = await client.runners.list({ signal: io.signal });
    if (flags.isOn("json")) printJson(io, { runners });
    else printRunners(io, runners);
    return EXIT_CODES.ok;
  },
};

function printRunners(io: Io, runners: readonly Runner[]): void {
  printTable<Runner>(
    io,
    [
      { title: "RUNNER", cell: (runner) => runner.runner_id },
      {
        title: "STATUS",
        cell: (runner) => runner.status,
        paint: (text, runner) => paintState(io, runner.status, text),
      },
      { title: "BUSY", cell: (runner) => `${runner.active_runs}/${runner.slots}` },
      { title: "HOST", cell: (runner) => runner.hostname },
      { title: "SEEN", cell: (runner) => `${formatDuration(runner.seconds_since_heartbeat * 1_000)} ago` },
      { title: "TAGS", cell: (runner) => runner.tags.join(",") },
      { title: "EXECUTORS", cell: executorsOf },
    ],
    runners,
    "no runners",
  );
}

function executorsOf(runner: Runner): string {
  const found = Object.entries(runner.executors).map(([name, { version }]) => `${name} ${version}`);
  return runner.not_ready_reason === null ? found.join(", ") : `not ready: ${runner.not_ready_reason}`;
}
