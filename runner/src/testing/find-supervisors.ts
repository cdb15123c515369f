import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";

/** Processes whose command line names this state directory's attempts: their supervisors. Linux only, as the tests are. */
export function findSupervisors(stateDir: string): number[] {
  return findByCommandLine((line) => line.includes(join(stateDir, "attempts")));
}

/** The same for all state directories below `dir`. */
export function findSupervisorsBelow(dir: string): number[] {
  return findByCommandLine((line) => line.includes(`\0${dir}/`) && line.includes("/attempts/"));
}

function findByCommandLine(matches: (line: string) => boolean): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => matches(readCommandLine(pid)))
    .map(Number);
}

function readCommandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Kills them and returns the markers of the trees that they may have left. */
export async function endSupervisors(stateDir: string): Promise<string[]> {
  const markers = readSpecs(stateDir).map(({ marker }) => marker);
  for (let pids = findSupervisors(stateDir); pids.length > 0; pids = findSupervisors(stateDir)) {
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await sleep(10);
  }
  return markers;
}

export function readSpecs(stateDir: string): AttemptSpec[] {
  const attempts = join(stateDir, "attempts");
  if (!existsSync(attempts)) return [];
  return readdirSync(attempts)
    .map((name) => join(attempts, name, "spec.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as AttemptSpec);
}
