/** `up` as a process of its own, as a person starts it. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

export const MAIN = new URL("../main.ts", import.meta.url).pathname;

export interface Up {
  readonly process: ChildProcessWithoutNullStreams;
  readonly exit: Promise<number | null>;
  output(): string;
  /** Resolves when the output matches; fails when it ends before. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
}

export const upEnvironment = (dir: string) => ({
  PATH: process.env["PATH"],
  HOME: dir,
  PARALLAX_TEST_AGENT_HOME: join(dir, "agent-home"),
});

export function startUp(dir: string, args: readonly string[]): Up {
  const child = spawn(process.execPath, [MAIN, "up", ...args], { cwd: dir, env: upEnvironment(dir) });
  let output = "";
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      for (const look of looks) look();
    });
  }
  const { promise: exit, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  return {
    process: child,
    exit,
    output: () => output,
    shows(pattern) {
      const { promise, resolve: found, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = pattern.exec(output);
        if (match !== null) found(match);
      };
      looks.add(look);
      void exit.then(() => reject(new Error(`up ended without ${pattern}:\n${output}`)));
      look();
      return promise;
    },
  };
}

/** Processes whose command line names our directory. */
export function processesOf(part: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(part);
      } catch {
        return false;
      }
    })
    .map(Number);
}
