import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, sep } from "node:path";

/** A process of a round's fleet, as the kernel shows it. */
export interface FleetProcess {
  readonly pid: number;
  /** agent: any member of an agent's tree, our own helpers included. */
  readonly kind: "runner" | "supervisor" | "agent";
  /** Name of the runner that it belongs to; null for a member of an agent's tree. */
  readonly host: string | null;
  readonly runId: string | null;
  readonly attempt: number | null;
  readonly command: string;
}

const MARKER = /^PARALLAX_ATTEMPT=(run_[A-Za-z0-9_-]+)\.(\d+)\./;
const ATTEMPT_DIRECTORY = /^(run_[A-Za-z0-9_-]+)-(\d+)$/;

/** Everything alive that belongs to the fleet whose runners' state directories lie below `directory`. Zombies are not alive. */
export function listFleetProcesses(directory: string): FleetProcess[] {
  const found: FleetProcess[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const seen = look(Number(name), directory);
    if (seen !== null) found.push(seen);
  }
  return found;
}

function look(pid: number, directory: string): FleetProcess | null {
  const argv = read(`/proc/${pid}/cmdline`).split("\0");
  const command = argv.join(" ").trim();
  if (command === "" || pid === process.pid) return null;
  const own = argv.find((argument) => argument.startsWith(`${directory}${sep}state-`));
  if (own !== undefined && argv.some((argument) => argument.endsWith("runner/src/supervisor/main.ts"))) {
    const [, runId = null, attempt] = ATTEMPT_DIRECTORY.exec(basename(own)) ?? [];
    return { pid, kind: "supervisor", host: hostOf(own, directory), runId, attempt: Number(attempt), command };
  }
  if (own !== undefined && argv.some((argument) => argument.endsWith("runner/src/main.ts")))
    return { pid, kind: "runner", host: hostOf(own, directory), runId: null, attempt: null, command };
  const marker = read(`/proc/${pid}/environ`)
    .split("\0")
    .map((entry) => MARKER.exec(entry))
    .find((match) => match !== null);
  if (marker === undefined || marker === null || !worksBelow(pid, directory)) return null;
  return { pid, kind: "agent", host: null, runId: marker[1] ?? null, attempt: Number(marker[2]), command };
}

/** Every agent of a round works in its fleet's directory; others on this machine belong to somebody else. */
function worksBelow(pid: number, directory: string): boolean {
  try {
    return `${readlinkSync(`/proc/${pid}/cwd`)}${sep}`.startsWith(`${directory}${sep}`);
  } catch {
    return false;
  }
}

function hostOf(path: string, directory: string): string {
  return (path.slice(directory.length + 1).split(sep)[0] ?? "").replace(/^state-/, "");
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // it ended while we looked, or is another user's
    return "";
  }
}

/** False when it was gone already. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
