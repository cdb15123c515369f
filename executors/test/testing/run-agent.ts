/** Runs the adapter's plan as a supervisor would: real process, real pipes, the adapter's own reader. */

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { AgentEvent, AgentSignal, Ending, Invocation, ProcessExit } from "@parallax/shared/executor/adapter";
import { adapter } from "../index.ts";
import type { Script } from "../script.ts";

interface RunningAgent {
  readonly process: ChildProcessWithoutNullStreams;
  readonly events: readonly AgentEvent[];
  readonly signals: readonly AgentSignal[];
  /** Resolves with the first event, past or coming, that matches. */
  event(matches: (event: AgentEvent) => boolean): Promise<AgentEvent>;
  send(bytes: string | null): void;
  readonly exit: Promise<ProcessExit>;
  finish(stopRequested?: boolean): Promise<Ending>;
}

export interface AgentBench {
  /** A fresh directory, removed at the end; the agent's home lies in it. */
  readonly dir: string;
  run(prompt: string | Script, changes?: Partial<Invocation>): Promise<RunningAgent>;
  close(): Promise<void>;
}

export async function openAgentBench(): Promise<AgentBench> {
  const dir = await mkdtemp(join(tmpdir(), "parallax-test-agent-"));
  const running = new Set<ChildProcessWithoutNullStreams>();
  return {
    dir,
    async run(prompt, changes = {}) {
      const invocation = makeInvocation(dir, prompt, changes);
      const plan = await adapter.command(invocation);
      const [command, ...args] = plan.argv;
      if (command === undefined) throw new Error("the plan has no command");
      const child = spawn(command, args, { cwd: dir, env: { ...invocation.env, ...plan.env }, stdio: "pipe" });
      running.add(child);
      child.once("exit", () => running.delete(child));
      child.stdin.on("error", () => {}); // an agent that is gone does not read
      if (plan.stdin !== null) child.stdin.write(plan.stdin);
      return follow(child, invocation);
    },
    async close() {
      for (const child of running) child.kill("SIGKILL");
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function makeInvocation(dir: string, prompt: string | Script, changes: Partial<Invocation>): Invocation {
  return {
    runId: "run_1",
    sessionId: "ses_1",
    attempt: 1,
    mode: "start",
    executorSessionId: null,
    prompt: typeof prompt === "string" ? prompt : JSON.stringify(prompt),
    projectDir: dir,
    blueprint: null,
    executorConfig: {},
    mcpUrl: "http://127.0.0.1:9/mcp",
    attemptDir: dir,
    env: { PATH: process.env.PATH ?? "", HOME: dir },
    agentsDir: null,
    ...changes,
  };
}

function follow(child: ChildProcessWithoutNullStreams, invocation: Invocation): RunningAgent {
  const reader = adapter.createReader(invocation);
  const events: AgentEvent[] = [];
  const signals: AgentSignal[] = [];
  const waiting = new Set<() => void>();
  const startedAt = performance.now();
  const read = (stream: "stdout" | "stderr", line: string) => {
    const reading = stream === "stdout" ? reader.stdoutLine(line) : reader.stderrLine(line);
    events.push(...reading.events);
    signals.push(...reading.signals);
    for (const look of waiting) look();
  };
  createInterface({ input: child.stdout }).on("line", (line) => read("stdout", line));
  createInterface({ input: child.stderr }).on("line", (line) => read("stderr", line));
  const { promise: exit, resolve } = Promise.withResolvers<ProcessExit>();
  child.once("close", (exitCode, signal) => resolve({ exitCode, signal, durationMs: performance.now() - startedAt }));

  return {
    process: child,
    events,
    signals,
    exit,
    event(matches) {
      const { promise, resolve: found } = Promise.withResolvers<AgentEvent>();
      const look = () => {
        const event = events.find(matches);
        if (event === undefined) return;
        waiting.delete(look);
        found(event);
      };
      waiting.add(look);
      look();
      return promise;
    },
    send: (bytes) => void (bytes !== null && child.stdin.write(bytes)),
    finish: async (stopRequested = false) => reader.finish(await exit, { stopRequested }).ending,
  };
}
