import { resolve } from "node:path";
import type { CreatedRun, CreateRun, Run } from "@parallax/shared/protocol/runs";
import type { Client } from "@parallax/shared/sdk/client";
import type { Command } from "../command.ts";
import { CONNECTION_OPTIONS, connect, JSON_OPTION } from "../connect.ts";
import { EXIT_CODES, UsageError } from "../exit-codes.ts";
import { followRun } from "../follow-run.ts";
import { onlyOperand } from "../only-operand.ts";
import { printJson } from "../print-json.ts";
import type { Flags } from "../read-flags.ts";
import { tellWaiting } from "../tell-waiting.ts";
import type { Io } from "../terminal/io.ts";
import { paintState } from "../terminal/paint-state.ts";
import { stripControls, toOneLine } from "../terminal/strip-controls.ts";
import { createShow } from "./show-logs.ts";

const WAIT_SECONDS_MAX = 2_000_000;

export const runCommand: Command = {
  name: "run",
  summary: "start a session, or go on with one",
  operands: '"<prompt>" | -',
  options: [
    { name: "follow", short: "f", help: "show what it does and wait for its end" },
    { name: "wait", short: "w", help: "wait for its end and print its result" },
    { name: "wait-seconds", value: "N", help: "wait at most N seconds; the run goes on" },
    { name: "executor", short: "x", value: "NAME", help: "claude-code, test, …" },
    { name: "agent", short: "a", value: "NAME", help: "blueprint" },
    {
      name: "project-dir",
      short: "p",
      value: "DIR",
      env: "PROJECT_DIR",
      help: "working directory on the runner's host",
    },
    { name: "session", short: "s", value: "ID", help: "go on with this session" },
    { name: "session-id", value: "ID", help: "id for the new session" },
    { name: "parent", value: "ID", help: "parent session" },
    { name: "callback", help: "resume the parent with the result" },
    { name: "config", value: "JSON", help: "executor_config" },
    { name: "label", short: "l", value: "NAME=VALUE", isList: true, help: "label; several are allowed" },
    { name: "tag", value: "NAME", isList: true, help: "a tag that the runner must have; several are allowed" },
    { name: "priority", value: "1-5", help: "1 first, 5 last, default 3" },
    { name: "timeout-seconds", value: "N", help: "time limit of the agent" },
    ...CONNECTION_OPTIONS,
    JSON_OPTION,
  ],
  notes: [
    "The prompt - is read from stdin. Without --wait and --follow it prints the ids and returns at once.",
    "With them the exit code tells the outcome. The first Ctrl-C leaves the run alone: it goes on without this command.",
  ],
  async run(io, flags) {
    const operand = onlyOperand(flags, 'a prompt: parallax run "…"');
    const request = readRequest(io, flags, operand === "-" ? await io.readStdin() : operand);
    const waitSeconds = flags.number("wait-seconds", { min: 1, max: WAIT_SECONDS_MAX });
    const { client } = await connect(io, flags);
    const created = await client.runs.create(request, { signal: io.signal });
    if (!flags.isOn("follow") && !flags.isOn("wait")) return tellCreated(io, flags, created);
    return waitForEnd(io, flags, client, created, waitSeconds === undefined ? undefined : waitSeconds * 1_000);
  },
};

function readRequest(io: Io, flags: Flags, prompt: string): CreateRun {
  if (prompt.trim() === "") throw new UsageError("the prompt is empty");
  const session = flags.text("session");
  const labels = flags.list("label").map(readLabel);
  const tags = [...flags.list("tag")];
  const projectDir = flags.text("project-dir");
  const timeoutSeconds = flags.number("timeout-seconds", { min: 1, max: 31_536_000 });
  const optional: Partial<CreateRun> = {
    session_id: session ?? flags.text("session-id"),
    executor: flags.text("executor"),
    agent_name: flags.text("agent"),
    project_dir: projectDir === undefined ? undefined : resolve(io.cwd, projectDir),
    parent_session_id: flags.text("parent"),
    execution_mode: flags.isOn("callback") ? "async_callback" : undefined,
    executor_config: readConfig(flags.text("config")),
    labels: labels.length > 0 ? Object.fromEntries(labels) : undefined,
    additional_demands: tags.length > 0 ? { tags } : undefined,
    priority: flags.number("priority", { min: 1, max: 5 }),
    resources: timeoutSeconds === undefined ? undefined : { timeout_seconds: timeoutSeconds },
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { ...given, type: session === undefined ? "start_session" : "resume_session", prompt };
}

function readLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--label needs NAME=VALUE, not ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function readConfig(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new UsageError(`--config needs a JSON object, e.g. --config '{"permission_mode":"acceptEdits"}'`);
}

function tellCreated(io: Io, flags: Flags, created: CreatedRun): number {
  if (flags.isOn("json")) printJson(io, created);
  else {
    io.out(`${created.run_id}  ${created.session_id}  ${paintState(io, created.status)}`);
    if (io.isTty) io.out(io.paint("dim", `follow it with: parallax logs -f ${toOneLine(created.run_id)}`));
  }
  return EXIT_CODES.ok;
}

async function waitForEnd(
  io: Io,
  flags: Flags,
  client: Client,
  created: CreatedRun,
  timeoutMs?: number,
): Promise<number> {
  const asJson = flags.isOn("json");
  if (!asJson) io.err(io.paint("dim", `${created.run_id}  ${created.session_id}`));
  const over = new AbortController();
  const telling = asJson ? null : tellWaiting(io, client, created.run_id, over.signal);
  let run: Run;
  try {
    run = flags.isOn("follow")
      ? await followRun(client, created.run_id, createShow(io, asJson), io.signal, timeoutMs)
      : await client.runs.wait(created.run_id, { signal: io.signal, timeoutMs: timeoutMs ?? 2 ** 31 - 1 });
  } finally {
    over.abort();
    await telling;
  }
  if (asJson) printJson(io, run);
  else tellEnd(io, run, flags.isOn("follow"));
  return run.status === "completed" ? EXIT_CODES.ok : EXIT_CODES.failed;
}

/** stdout gets the result alone, so that it can be piped on; how it ended goes to stderr. */
function tellEnd(io: Io, run: Run, isResultShown: boolean): void {
  if (run.result_text !== null && !isResultShown) io.out(stripControls(run.result_text));
  if (run.error !== null) {
    io.err(io.paint("red", `${run.error.code}: ${stripControls(run.error.message)}`));
    if (run.error.hint !== undefined) io.err(stripControls(run.error.hint));
  }
  io.err(
    `${paintState(io, run.status)}${run.outcome === null || run.outcome === run.status ? "" : ` (${run.outcome})`}`,
  );
}
