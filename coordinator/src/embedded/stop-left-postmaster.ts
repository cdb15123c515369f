import { join } from "node:path";
import type { Logger } from "pino";
import { isPostmasterOf } from "./cluster-processes.ts";
import { readPostmasterFile } from "./postmaster-file.ts";
import { readJson, resolveHome } from "./resolve-home.ts";
import { DATABASE, SUPERUSER, SYSTEM_DIR } from "./settings.ts";
import { stopPostmaster } from "./stop-postmaster.ts";

export interface LeftPostmaster {
  readonly dataDir: string;
  readonly systemDir?: string | undefined;
  readonly logger: Logger;
  /** Asked with the database's URL before anything is stopped: false when another coordinator has taken it over. */
  readonly isAbandoned: (url: string) => Promise<boolean>;
}

/** Does: ends the database of a coordinator that was killed and so could not. A data directory without one stays as it is. */
export async function stopLeftPostmaster({ dataDir, systemDir, logger, isAbandoned }: LeftPostmaster): Promise<void> {
  if ((await readJson(join(dataDir, "postgres", "cluster.json"))) === null) return;
  const { clusterDir, password } = await resolveHome(dataDir, systemDir ?? SYSTEM_DIR);
  const file = await readPostmasterFile(clusterDir);
  if (file === null || !(await isPostmasterOf(file.pid, clusterDir))) return;
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${file.port}/${DATABASE}`;
  if (file.port !== null && !(await isAbandoned(url))) return;
  await stopPostmaster(file.pid, clusterDir, logger);
}
