import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process of the system under test, with its output kept for the day something fails. */
export interface Process {
  readonly name: string;
  readonly pid: number;
  readonly output: readonly string[];
  /** Resolves with the first line, past or future, that matches. Rejects when the process ends first. */
  line(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const KEPT_LINES = 5_000;

export function startProcess(
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Process {
  const child: ChildProcess = spawn(command, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      output.push(line);
      if (output.length > KEPT_LINES) output.shift();
      for (const listener of listeners) listener(line);
    });
  }
  const ended = new Promise<number | string>((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
    child.on("error", (error) => resolve(error.message));
  });
  return {
    name,
    pid: child.pid ?? -1,
    output,
    ended,
    signal: (signal) => void child.kill(signal),
    line: async (pattern, timeoutMs = 30_000) =>
      await waitForLine({ name, output, listeners, ended }, pattern, timeoutMs),
    stop: async (signal = "SIGTERM") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
  };
}

interface Lines {
  readonly name: string;
  readonly output: readonly string[];
  readonly listeners: Set<(line: string) => void>;
  readonly ended: Promise<number | string>;
}

async function waitForLine(lines: Lines, pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
  return await new Promise((resolve, reject) => {
    const look = (line: string): boolean => {
      const match = pattern.exec(line);
      if (match === null) return false;
      lines.listeners.delete(look);
      clearTimeout(timer);
      resolve(match);
      return true;
    };
    const fail = (why: string) => {
      lines.listeners.delete(look);
      clearTimeout(timer);
      reject(new Error(`${lines.name}: ${why} before ${pattern}\n${lines.output.slice(-40).join("\n")}`));
    };
    const timer = setTimeout(() => fail(`nothing within ${timeoutMs} ms`), timeoutMs);
    if (lines.output.some(look)) return;
    lines.listeners.add(look);
    void lines.ended.then((code) => fail(`ended with ${code}`));
  });
}
