import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "./drafts.ts";

/** What a running postmaster says about itself in its lock file. */
export interface PostmasterFile {
  readonly pid: number;
  /** Null while the server is still writing the file. */
  readonly port: number | null;
  readonly text: string;
}

const pathIn = (clusterDir: string): string => join(clusterDir, "postmaster.pid");

export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | null> {
  let text: string;
  try {
    text = await readFile(pathIn(clusterDir), "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
  const [pid, , , port] = text.split("\n").map(Number);
  return { pid: pid !== undefined && pid > 0 ? pid : 0, port: port !== undefined && port > 0 ? port : null, text };
}

/**
 * Takes away the lock file of a dead postmaster. Postgres does so itself, but not when the process id has been reused
 * (after a restart of a machine or container that is common). Moved first and looked at again, so that the file of a
 * postmaster that started in between is put back.
 */
export async function retirePostmasterFile(clusterDir: string, stale: PostmasterFile): Promise<void> {
  const path = pathIn(clusterDir);
  const aside = `${path}.stale-${randomBytes(4).toString("hex")}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== stale.text) await link(aside, path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EEXIST")) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}
