import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ProcessTraits {
  readonly pid: number;
  readonly command: string;
  readonly folder: string;
  readonly environment: string;
}

/** How a process is recognised as started by this run, however many times it forked. */
export interface RunMarks {
  /** Inherited through the environment. */
  readonly marker: string;
  /** The run's temporary folder: catches who cleared the environment but works or was told to work in there. */
  readonly folder: string;
}

export const MARKER_VARIABLE = "PARALLAX_TEST_RUN";

export function belongsToRun(process: ProcessTraits, marks: RunMarks): boolean {
  return (
    process.environment.split("\0").includes(`${MARKER_VARIABLE}=${marks.marker}`) ||
    process.folder === marks.folder ||
    process.folder.startsWith(`${marks.folder}/`) ||
    process.command.includes(`${marks.folder}/`)
  );
}

/**
 * Waits until nothing of the run is left, at most `graceMs`; ends what is left then and returns it.
 * Linux only; elsewhere there is no /proc to look into and the list is empty.
 */
export async function endLeftovers(marks: RunMarks, graceMs: number): Promise<ProcessTraits[]> {
  const deadline = performance.now() + graceMs;
  let left = findLeftovers(marks);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = findLeftovers(marks);
  }
  const found = left;
  // A killed parent may have started another child in the meantime.
  for (let round = 0; round < 20 && left.length > 0; round += 1) {
    for (const { pid } of left) killQuietly(pid);
    await delay(50);
    left = findLeftovers(marks);
  }
  return found;
}

function findLeftovers(marks: RunMarks): ProcessTraits[] {
  return listProcesses().filter((candidate) => candidate.pid !== process.pid && belongsToRun(candidate, marks));
}

function listProcesses(): ProcessTraits[] {
  const pids = readQuietly(() => readdirSync("/proc"), []).filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => ({
    pid: Number(pid),
    command: readQuietly(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "")
      .replaceAll("\0", " ")
      .trim(),
    folder: readQuietly(() => readlinkSync(`/proc/${pid}/cwd`), ""),
    environment: readQuietly(() => readFileSync(`/proc/${pid}/environ`, "latin1"), ""),
  }));
}

/** A process may end while it is looked at, and those of other users are closed to us. */
function readQuietly<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function killQuietly(pid: number): void {
  readQuietly(() => process.kill(pid, "SIGKILL"), false);
}
