/**
 * Keeps one of our processes running: starts it in a process group of its own (so that Ctrl-C reaches only us), reads its
 * lines, and starts it again with growing pauses when it crashes, once it has shown that it can run at all.
 */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface ServiceExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServiceOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly onLine: (line: string) => void;
  /** Told with every start; undefined when the program could not be started. */
  readonly onStart?: ((pid: number | undefined) => void) | undefined;
  readonly onCrash: (exit: ServiceExit, restartInMs: number) => void;
  readonly restartPauseMs?: number;
}

/** Who is told of its life. */
export type ServiceWatch = Pick<ServiceOptions, "onLine" | "onStart" | "onCrash">;

export interface Service {
  /** Of the process that runs now. */
  pid(): number | undefined;
  /** From now on a crash is followed by a restart. */
  confirm(): void;
  /** From now on its next end is the last one. */
  release(): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended and is not started again. */
  readonly ended: Promise<ServiceExit>;
  /** The newest lines, for telling why it ended. */
  lastLines(): readonly string[];
}

const RESTART_PAUSE_MS = 500;
const RESTART_PAUSE_MS_MAX = 30_000;
/** A process that has run for this long has recovered. */
const RECOVERED_MS = 60_000;
const LAST_LINES = 40;
const OUTPUT_GRACE_MS = 500;

export function keepService(options: ServiceOptions): Service {
  const ended = Promise.withResolvers<ServiceExit>();
  const lines: string[] = [];
  const firstPauseMs = options.restartPauseMs ?? RESTART_PAUSE_MS;
  let pauseMs = firstPauseMs;
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let restarts = false;
  let lastExit: ServiceExit = { exitCode: null, signal: null };

  const start = () => {
    timer = null;
    const startedAt = performance.now();
    const process = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    child = process;
    options.onStart?.(process.pid);
    for (const stream of [process.stdout, process.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        if (lines.length > LAST_LINES) lines.shift();
        options.onLine(line);
      });
    }
    let isOver = false;
    const end = (exit: ServiceExit) => {
      if (isOver) return;
      isOver = true;
      onEnd(exit, startedAt);
    };
    process.once("error", (error) => {
      lines.push(error.message);
      if (process.pid === undefined) end({ exitCode: null, signal: null });
    });
    process.once("exit", (exitCode, signal) => {
      // `close` comes after its last lines, which say why; what it left behind may hold its output open for ever
      const grace = setTimeout(() => end({ exitCode, signal }), OUTPUT_GRACE_MS);
      process.once("close", () => {
        clearTimeout(grace);
        end({ exitCode, signal });
      });
    });
  };

  const onEnd = (exit: ServiceExit, startedAt: number) => {
    child = null;
    lastExit = exit;
    if (!restarts || exit.exitCode === 0) return ended.resolve(exit);
    if (performance.now() - startedAt > RECOVERED_MS) pauseMs = firstPauseMs;
    options.onCrash(exit, pauseMs);
    timer = setTimeout(start, pauseMs);
    pauseMs = Math.min(pauseMs * 2, RESTART_PAUSE_MS_MAX);
  };

  start();
  return {
    pid: () => child?.pid,
    confirm() {
      restarts = true;
    },
    release() {
      restarts = false;
      if (timer === null) return;
      clearTimeout(timer);
      ended.resolve(lastExit);
    },
    signal: (name) => void child?.kill(name),
    ended: ended.promise,
    lastLines: () => lines,
  };
}
