import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { killCluster } from "./cluster-processes.ts";
import type { Home } from "./resolve-home.ts";
import { HOME_FILE, homeFile, readJson } from "./resolve-home.ts";

/**
 * As root a cluster lives outside of its data directory, so deleting that directory leaves it behind. The id in the new
 * one does not match: the old cluster is not taken for this directory's, and is removed, with a server still running in it.
 */
export async function removeOrphans(home: Home, logger: Logger): Promise<void> {
  if (home.account === null) return;
  for (const entry of await readdir(home.runtimesDir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const dir = join(home.runtimesDir, entry.name);
    const claimed = homeFile.safeParse(await readJson(join(dir, HOME_FILE))).data;
    if (claimed === undefined || claimed.data_dir !== home.dataDir || claimed.id === home.id) continue;
    logger.warn({ dir, dataDir: home.dataDir }, "removing the database of a data directory that was deleted");
    await killCluster(join(dir, "cluster"));
    await rm(dir, { recursive: true, force: true });
  }
}
