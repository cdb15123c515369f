import { readdir, readFile } from "node:fs/promises";

interface Seen {
  readonly pid: number;
  readonly command: string;
}

async function processes(): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
      seen.push({ pid, command });
    } catch {
      // it ended while we looked
    }
  }
  return seen;
}

/** The postmaster whose data lies below the directory. */
export async function findPostmaster(directory: string): Promise<number> {
  const found = (await processes()).find(
    (seen) => /postgres/.test(seen.command) && seen.command.includes(`-D ${directory}`),
  );
  if (found === undefined) throw new Error(`no postmaster below ${directory}`);
  return found.pid;
}

export async function findSupervisors(directory: string): Promise<number[]> {
  const found = (await processes()).filter(
    (seen) => /supervisor\/main\.ts/.test(seen.command) && seen.command.includes(directory),
  );
  return found.map((seen) => seen.pid);
}

/** Whatever still names the directory on its command line: supervisors left alive on purpose, a postmaster after a crash. */
export async function killEverythingOf(directory: string): Promise<void> {
  for (;;) {
    const left = (await processes()).filter((seen) => seen.pid !== process.pid && seen.command.includes(directory));
    if (left.length === 0) return;
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // gone already
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Processes with exactly this variable in their environment. */
export async function findMarked(variable: string): Promise<number[]> {
  const found: number[] = [];
  for (const { pid } of await processes()) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environment.split("\0").includes(variable)) found.push(pid);
  }
  return found;
}
