import { randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes a file that is either complete or absent, and only if nobody else did: of two processes the first wins.
 * False when the file was already there.
 */
export async function writeOnce(path: string, text: string): Promise<boolean> {
  const draft = await writeDraft(path, text);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Replaces a file's text in one step. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await rename(await writeDraft(path, text), path);
}

async function writeDraft(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.draft`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

/** Renames a finished directory to its place; when another process was first, its directory stays. */
export async function moveInto(draft: string, target: string): Promise<boolean> {
  try {
    await rename(draft, target);
    return true;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (isErrno(error, "EEXIST", "ENOTEMPTY")) return false;
    throw error;
  }
}

const LEFTOVER_AGE_MS = 10 * 60_000;

/** A name beside the target's that says whose it is, so that what a dead process left is told from work in progress. */
export const draftName = (target: string): string =>
  `${target}${DRAFT_MARK}${process.pid}-${randomBytes(4).toString("hex")}`;

const DRAFT_MARK = ".new-";

/** Removes what processes that died in the middle of making this target left behind. */
export async function sweepDrafts(target: string): Promise<void> {
  const dir = dirname(target);
  const prefix = basename(target) + DRAFT_MARK;
  for (const name of await readdir(dir)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dir, name);
    const made = await stat(path).catch(() => null);
    const isOld = made !== null && Date.now() - made.mtimeMs > LEFTOVER_AGE_MS;
    // A process id may have been reused: the age decides then.
    if (!isOld && isAlive(Number.parseInt(name.slice(prefix.length), 10))) continue;
    // A child of the dead process may still be writing there; the next start will find the rest.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, "EPERM");
  }
}

export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
