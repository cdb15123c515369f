import type { RunEvent } from "@parallax/shared/protocol/events";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Client } from "@parallax/shared/sdk/client";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { findRunOrSession } from "../find-run-or-session.ts";
import { followRun } from "../follow-run.ts";
import { onlyOperand } from "../only-operand.ts";
import { formatEvent } from "../terminal/format-event.ts";
import type { Io } from "../terminal/io.ts";
import { toSafeJson } from "../terminal/strip-controls.ts";

const PAGE_EVENTS = 500;
const LOOK_EVERY_MS = 500;

type Show = (event: RunEvent) => void;

export const logsCommand: Command = {
  name: "logs",
  summary: "show what a run or all runs of a session did",
  operands: "<run|session>",
  options: [
    { name: "follow", short: "f", help: "go on until the run has ended, or the session is settled" },
    ...CONNECTION_OPTIONS,
    { name: "json", help: "print every event as a JSON line" },
  ],
  async run(io, flags) {
    const id = onlyOperand(flags, "a run or a session");
    const { client } = await connect(io, flags);
    const found = await findRunOrSession(client, id, io.signal);
    const show = createShow(io, flags.isOn("json"));
    const showRun = flags.isOn("follow")
      ? async (runId: string) => void (await followRun(client, runId, show, io.signal))
      : (runId: string) => printRun(client, runId, show, io.signal);
    if (found.kind === "run") await showRun(found.run.run_id);
    else await showSession({ io, client, sessionId: found.session.session_id, follow: flags.isOn("follow"), showRun });
    return EXIT_CODES.ok;
  },
};

export function createShow(io: Io, asJson: boolean): Show {
  return (event) => {
    const line = asJson ? toSafeJson(event) : formatEvent(io, event);
    if (line !== null) io.out(line);
  };
}

async function printRun(client: Client, runId: string, show: Show, signal: AbortSignal): Promise<void> {
  let after = 0;
  for (;;) {
    const page = await client.runs.events(runId, { after, limit: PAGE_EVENTS }, { signal });
    for (const event of page.events) show(event);
    if (page.events.length === 0 || page.next_after <= after) return;
    after = page.next_after;
  }
}

interface SessionLogs {
  readonly io: Io;
  readonly client: Client;
  readonly sessionId: string;
  readonly follow: boolean;
  readonly showRun: (runId: string) => Promise<void>;
}

/** Its runs one after the other; while following, also those that callbacks and messages make later. */
async function showSession({ io, client, sessionId, follow, showRun }: SessionLogs): Promise<void> {
  const shown = new Set<string>();
  for (;;) {
    // asked first: a run that is made between the two answers is found in the next round
    const { settled } = await client.sessions.get(sessionId, { signal: io.signal });
    const fresh = (await listRunsOf(client, sessionId, io.signal)).filter((run) => !shown.has(run.run_id));
    for (const run of fresh) {
      if (!follow && run.status === "pending") continue;
      io.err(
        io.paint(
          "dim",
          `── ${run.type} ${run.run_id} ${isTerminalRun(run.status) ? (run.outcome ?? run.status) : run.status}`,
        ),
      );
      await showRun(run.run_id);
      shown.add(run.run_id);
    }
    if (!follow || (settled && fresh.length === 0)) return;
    if (fresh.length === 0) await waitABit(io.signal);
  }
}

/** Oldest first. */
async function listRunsOf(client: Client, sessionId: string, signal: AbortSignal) {
  const runs = [];
  let cursor: string | undefined;
  do {
    const page = await client.runs.list({ session_id: sessionId, limit: 500, cursor }, { signal });
    runs.push(...page.runs);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return runs.sort((one, other) => Date.parse(one.created_at) - Date.parse(other.created_at));
}

async function waitABit(signal: AbortSignal): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  await sleep(LOOK_EVERY_MS, undefined, { signal });
}
