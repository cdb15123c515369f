/** What this machine offers: Node, disk, and the kernel features with which a run's processes are held together. */
import { execFile } from "node:child_process";
import { access, constants, readFile, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Finding } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

const NODE_MAJOR = 24;
const DISK_BYTES_FAIL = 256 * 1024 * 1024;
const DISK_BYTES_WARN = 2 * 1024 * 1024 * 1024;
const PROBE_MS_MAX = 5_000;

export async function lookAtHost(dataDir: string): Promise<Finding[]> {
  return [lookAtNode(), ...(await Promise.all([lookAtDisk(dataDir), lookAtNamespaces(), lookAtFreezer()]))];
}

function lookAtNode(): Finding {
  const { version } = process;
  const major = Number(version.slice(1).split(".")[0]);
  if (major >= NODE_MAJOR) return ok("Node.js", version);
  return fail(
    "Node.js",
    `${version} is too old`,
    `Start through scripts/parallax, which brings Node.js ${NODE_MAJOR}.`,
  );
}

async function lookAtDisk(dataDir: string): Promise<Finding> {
  const dir = await nearestExisting(dataDir);
  try {
    await access(dir, constants.W_OK);
    const disk = await statfs(dir);
    const freeBytes = disk.bavail * disk.bsize;
    const detail = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free for ${dataDir}`;
    const fix = "Make room, or put the data directory elsewhere with --data-dir.";
    if (freeBytes < DISK_BYTES_FAIL) return fail("disk", detail, fix);
    return freeBytes < DISK_BYTES_WARN ? warn("disk", detail, fix) : ok("disk", detail);
  } catch (error) {
    return fail(
      "disk",
      `${dir}: ${messageOf(error)}`,
      "Name a data directory that this user may write to with --data-dir.",
    );
  }
}

async function nearestExisting(dir: string): Promise<string> {
  const isThere = await stat(dir).then(
    () => true,
    () => false,
  );
  return isThere || dirname(dir) === dir ? dir : nearestExisting(dirname(dir));
}

/** The probe does what the local runtime does: a PID namespace with its own /proc, inside a user namespace when not root. */
async function lookAtNamespaces(): Promise<Finding> {
  const name = "process isolation";
  const without = "processes that an agent leaves behind are found by repeated sweeps only";
  if (process.platform !== "linux") {
    return warn(name, `no PID namespaces on ${process.platform}: ${without}`, "Run agents on Linux, or in containers.");
  }
  const asRoot = process.getuid?.() === 0;
  const args = ["--pid", "--fork", "--mount-proc", "--kill-child", "true"];
  try {
    await promisify(execFile)("unshare", asRoot ? args : ["--user", "--map-current-user", ...args], {
      timeout: PROBE_MS_MAX,
    });
    return ok(name, `PID namespaces${asRoot ? "" : " inside user namespaces"}`);
  } catch (error) {
    return warn(name, `no PID namespaces (${messageOf(error)}): ${without}`, await namespaceFix(error, asRoot));
  }
}

async function namespaceFix(error: unknown, asRoot: boolean): Promise<string> {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return "Install util-linux, which has `unshare`.";
  if (asRoot) return "In a container: give it CAP_SYS_ADMIN, or run it on the host.";
  const [clone, apparmor] = await Promise.all([
    readSetting("/proc/sys/kernel/unprivileged_userns_clone"),
    readSetting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
  ]);
  if (clone === "0") return "Allow them: sysctl kernel.unprivileged_userns_clone=1";
  if (apparmor === "1") return "Allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  return "Allow unprivileged user namespaces, or run the runner as root in a container of its own.";
}

async function lookAtFreezer(): Promise<Finding> {
  const name = "freezing";
  if (process.platform !== "linux") return ok(name, "by SIGSTOP");
  const group = (await readSetting("/proc/self/cgroup"))?.match(/^0::(\/.*)$/m)?.[1];
  const isOurs = group === undefined ? false : await isWritable(`/sys/fs/cgroup${group}/cgroup.procs`);
  return ok(name, isOurs ? "by the cgroup freezer" : "by SIGSTOP (no cgroup of its own)");
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function readSetting(path: string): Promise<string | null> {
  return readFile(path, "utf8").then(
    (text) => text.trim(),
    () => null,
  );
}

function messageOf(error: unknown): string {
  const text = (error as { stderr?: unknown }).stderr;
  if (typeof text === "string" && text.trim() !== "") return text.trim();
  return error instanceof Error ? error.message : String(error);
}
