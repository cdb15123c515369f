/**
 * Removes the database of a data directory that will not be used again. As root the cluster lies outside of it, where
 * Postgres's own user can enter; the file there that names the data directory proves that it is this one's.
 */
import { realpath, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { HOME_FILE, homeFile, readJson } from "../../embedded/resolve-home.ts";

export async function removeDatabase(dataDir: string): Promise<void> {
  const cluster = (await readJson(join(dataDir, "postgres", "cluster.json"))) as { home?: unknown } | null;
  const home = cluster?.home;
  if (typeof home !== "string" || !isAbsolute(home)) return; // inside the data directory, or never made
  const claimed = homeFile.safeParse(await readJson(join(home, HOME_FILE))).data;
  if (claimed?.data_dir === (await realpath(dataDir))) await rm(home, { recursive: true, force: true });
}
