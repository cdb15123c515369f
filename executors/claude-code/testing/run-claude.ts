/** Runs one attempt as a supervisor would, with plain child processes: plan, files, environment, stdin, reader, end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { AgentEvent, AgentSignal, Ending, Invocation, Reading } from "@parallax/shared/executor/adapter";
import { onTestFinished } from "vitest";
import { adapter } from "../index.ts";
import { recordTranscript } from "./record-transcript.ts";

export interface Finished {
  readonly argv: readonly string[];
  readonly events: readonly AgentEvent[];
  readonly signals: readonly AgentSignal[];
  readonly ending: Ending;
  readonly exitCode: number | null;
}

export interface LiveClaude {
  readonly pid: number;
  write(bytes: string): void;
  kill(signal: NodeJS.Signals): void;
}

export interface RunOptions {
  readonly stopRequested?: boolean;
  /** Keep the transcript under this name when transcripts are recorded. */
  readonly record?: string;
  readonly onReading?: (reading: Reading, live: LiveClaude) => void;
}

export async function runClaude(invocation: Invocation, options: RunOptions = {}): Promise<Finished> {
  const startedAt = performance.now();
  adapter.checkConfig(invocation.executorConfig);
  const plan = await adapter.command(invocation);
  for (const file of plan.files) await writeFile(file.path, file.content, { mode: file.modeOctal });
  const [program = "", ...args] = plan.argv;
  const child = spawn(program, args, { cwd: invocation.projectDir, env: { ...invocation.env, ...plan.env } });
  const closed = once(child, "close");
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin.on("error", () => {});
  child.stdin.write(plan.stdin ?? "");

  const reader = adapter.createReader(invocation);
  const events: AgentEvent[] = [];
  const signals: AgentSignal[] = [];
  const lines: string[] = [];
  const live: LiveClaude = {
    pid: child.pid ?? 0,
    write: (bytes) => child.stdin.write(bytes),
    kill: (signal) => child.kill(signal),
  };
  const take = (reading: Reading): void => {
    events.push(...reading.events);
    signals.push(...reading.signals);
    if (reading.signals.some((signal) => signal.kind === "turn_ended")) child.stdin.end();
    options.onReading?.(reading, live);
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    take(reader.stdoutLine(line));
  });
  createInterface({ input: child.stderr }).on("line", (line) => take(reader.stderrLine(line)));

  const [exitCode, signal] = (await closed) as [number | null, string | null];
  const exit = { exitCode, signal, durationMs: performance.now() - startedAt };
  const { ending } = reader.finish(exit, { stopRequested: options.stopRequested ?? false });
  if (options.record !== undefined) await recordTranscript(options.record, lines, invocation);
  return { argv: plan.argv, events, signals, ending, exitCode };
}

/** Calls back at the first event that fits. */
export function atFirst(
  fits: (event: AgentEvent) => boolean,
  act: (live: LiveClaude) => Promise<void> | void,
): NonNullable<RunOptions["onReading"]> {
  let done = false;
  return (reading, live) => {
    if (done || !reading.events.some(fits)) return;
    done = true;
    void act(live);
  };
}
