import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What the kernel says about one process. `startTime` tells two holders of the same pid apart. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly state: string;
  readonly threads: number;
  readonly startTime: string;
}

export const hasProc = process.platform === "linux";

/**
 * Reads are synchronous on purpose: a sweep races with processes that fork, and a hop through the thread pool per file
 * would make one pass ten times as long.
 */
export function listProcesses(): ProcessInfo[] {
  if (!hasProc) return listWithPs();
  const found: ProcessInfo[] = [];
  for (const name of readdirSync("/proc")) {
    const info = isPid(name) ? readProcess(Number(name)) : null;
    if (info !== null) found.push(info);
  }
  return found;
}

/** Null if there is no such process (any more). */
export function readProcess(pid: number): ProcessInfo | null {
  if (!hasProc) return listWithPs().find((info) => info.pid === pid) ?? null;
  const stat = readProcFile(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(pid, stat);
}

/** The command name stands in parentheses and may itself hold spaces, parentheses and newlines: count from the last one. */
export function parseStat(pid: number, stat: string): ProcessInfo | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group, session] = fields;
  const threads = fields[17];
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return null;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    state,
    threads: Number(threads),
    startTime,
  };
}

/** A zombie has no effects any more, unless only its first thread ended and others go on. */
export function isAlive(info: ProcessInfo): boolean {
  return (info.state !== "Z" && info.state !== "X") || info.threads > 1;
}

/** Stopped by a signal or a tracer, or certain to stop before it runs another instruction of its own. */
export function isStopped(info: ProcessInfo): boolean {
  if (info.state === "T" || info.state === "t" || !isAlive(info)) return true;
  // A parent waits in the kernel for its vfork child to exec; if the child is stopped, the parent cannot get to its stop.
  return info.state === "D" && hasPendingStop(info.pid);
}

const SIGSTOP_BIT = 1n << 18n;

/** True if a stop was sent that the process, waiting for a processor or in the kernel, has not come to yet. */
export function hasPendingStop(pid: number): boolean {
  const status = readProcFile(`/proc/${pid}/status`) ?? "";
  for (const match of status.matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)) {
    if ((BigInt(`0x${match[1]}`) & SIGSTOP_BIT) !== 0n) return true;
  }
  return false;
}

/** True if the process was started with exactly this `NAME=value`. Another user's process cannot be read: false. */
export function hasEnvironmentEntry(pid: number, entry: string): boolean {
  const environment = readProcFile(`/proc/${pid}/environ`);
  return environment?.split("\0").includes(entry) ?? false;
}

/** The identity of the process's own pid namespace, or null if it is gone or not ours to look at. */
export function readPidNamespace(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

export function readCommandLine(pid: number): string {
  return readProcFile(`/proc/${pid}/cmdline`) ?? "";
}

/** The kernel keeps this list only if it was built to (most are), hence the slower way. */
export function listChildren(pid: number): number[] {
  const children = hasProc ? readProcFile(`/proc/${pid}/task/${pid}/children`) : null;
  if (children !== null) return children.split(" ").filter(isPid).map(Number);
  return listProcesses()
    .filter((info) => info.parent === pid)
    .map((info) => info.pid);
}

/** False if the process was already gone or is not ours to signal. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function isPid(name: string): boolean {
  return /^\d+$/.test(name);
}

/** Latin-1 keeps every byte of a hostile name or value apart. */
function readProcFile(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

/** macOS: no /proc. `ps` has no thread count and no portable session column; groups are all that is promised there. */
function listWithPs(): ProcessInfo[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="], {
    encoding: "utf8",
    env: { PATH: "/bin:/usr/bin", LC_ALL: "C" },
  });
  return parsePs(stdout ?? "");
}

export function parsePs(output: string): ProcessInfo[] {
  const found: ProcessInfo[] = [];
  for (const line of output.split("\n")) {
    const [pid, parent, group, state, ...start] = line.trim().split(/\s+/);
    if (pid === undefined || group === undefined || state === undefined) continue;
    found.push({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number(group),
      state: state.charAt(0),
      threads: 1,
      startTime: start.join(" "),
    });
  }
  return found;
}
