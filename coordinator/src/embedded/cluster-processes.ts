import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { platform } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ParallaxError } from "@parallax/shared/errors";

interface ClusterProcess {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
  /** It works in a cluster directory of this path that has been deleted since. */
  readonly deleted: boolean;
}

const run = promisify(execFile);
const ORPHAN_GRACE_MS = 300;
const ORPHAN_TIMEOUT_MS = 10_000;

/** Whether this process lives and is the postmaster of this cluster; a reused process id is not. */
export async function isPostmasterOf(pid: number, clusterDir: string): Promise<boolean> {
  if (platform() === "linux") {
    const found = await readProcess(pid, clusterDir);
    return found !== null && !found.deleted && !isBackend(found);
  }
  try {
    const { stdout } = await run("ps", ["-p", String(pid), "-o", "command="]);
    return stdout.includes(`-D ${clusterDir}`);
  } catch {
    return false;
  }
}

/**
 * Ends the processes that a dead postmaster left behind, and the whole server of a deleted cluster directory.
 * Most of them end by themselves within milliseconds; one that is busy holds the shared memory, and no new postmaster
 * may start until it is gone. Elsewhere than on Linux nothing can be listed, and the start is retried instead.
 */
export async function endOrphans(clusterDir: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const orphans = await listOrphans(clusterDir);
    if (orphans.length === 0) return;
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > ORPHAN_TIMEOUT_MS) {
      throw new ParallaxError("embedded_start_failed", "processes of a dead Postgres cannot be ended", {
        details: { processes: orphans.map((orphan) => orphan.pid) },
      });
    }
    if (waitedMs > ORPHAN_GRACE_MS) for (const orphan of orphans) endNow(orphan.pid);
    await sleep(10);
  }
}

/** Every process of the cluster, and nothing else, is killed. For a server that does not obey, or is not wanted. */
export async function killCluster(clusterDir: string): Promise<void> {
  const deadline = performance.now() + ORPHAN_TIMEOUT_MS;
  for (;;) {
    const processes = await listProcesses(clusterDir);
    if (processes.length === 0 || performance.now() > deadline) return;
    for (const found of processes) endNow(found.pid);
    await sleep(10);
  }
}

/** A postmaster that another coordinator has just started is never an orphan, nor is any child of it. */
async function listOrphans(clusterDir: string): Promise<ClusterProcess[]> {
  const processes = await listProcesses(clusterDir);
  const living = new Set(processes.filter((found) => !found.deleted).map((found) => found.pid));
  return processes.filter((found) => found.deleted || (isBackend(found) && !living.has(found.parent)));
}

async function listProcesses(clusterDir: string): Promise<ClusterProcess[]> {
  if (platform() !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(Number(pid), clusterDir)));
  return found.filter((process) => process !== null);
}

/** Every process of a server works in the cluster directory: that is what tells it from all others, even by name. */
async function readProcess(pid: number, clusterDir: string): Promise<ClusterProcess | null> {
  try {
    const cwd = await readlink(`/proc/${pid}/cwd`);
    const deleted = cwd === `${clusterDir} (deleted)`;
    if (cwd !== clusterDir && !deleted) return null;
    const [status, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/status`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    if (/^State:\s+[ZX]/m.test(status)) return null;
    return { pid, parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0), commandLine, deleted };
  } catch {
    // It ended meanwhile, or belongs to somebody else and so is not ours.
    return null;
  }
}

/** Postgres's child processes rename themselves; the postmaster keeps the command line it was started with. */
const isBackend = (found: ClusterProcess): boolean => found.commandLine.startsWith("postgres:");

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
