import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What Parallax puts into a data directory; runners beside the first are called runner-2 and the like. */
const OWN_ENTRY = /^(admin\.key|agents|coordinator\.json|logs|postgres|runner.*)$/;

/**
 * Makes the data directory, closed to other users and hidden from git: it often lies in somebody's project, and the key
 * must not get into a commit. A directory that holds anything else is left as it is: `*` would hide that as well.
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const entries = await readdir(dataDir);
  if (!entries.every((entry) => OWN_ENTRY.test(entry))) return;
  await writeFile(join(dataDir, ".gitignore"), "*\n", { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
