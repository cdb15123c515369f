import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { acquirePostmaster, asStartFailure, type Postmaster } from "./acquire-postmaster.ts";
import { endOrphans } from "./cluster-processes.ts";
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from "./contract.ts";
import type { Runtime } from "./install-runtime.ts";
import { installRuntime } from "./install-runtime.ts";
import { removeOrphans } from "./remove-orphans.ts";
import type { Home } from "./resolve-home.ts";
import { resolveHome } from "./resolve-home.ts";
import { DATABASE, SUPERUSER, SYSTEM_DIR } from "./settings.ts";
import { stopPostmaster } from "./stop-postmaster.ts";
import { watchPostmaster } from "./watch-postmaster.ts";

/**
 * Does: gives the data directory's own Postgres, making, starting or taking over the cluster as needed, and keeps it up.
 * Two processes may call it for one directory at the same time: one starts the server, the other takes it over.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options);
  } catch (error) {
    throw asStartFailure(error);
  }
}

async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger } = options;
  const startedAt = performance.now();
  const home = await resolveHome(options.dataDir, options.systemDir ?? SYSTEM_DIR);
  const runtime = await installRuntime(home.runtimesDir);
  await removeOrphans(home, logger);
  await endOrphans(home.clusterDir);
  const context = { home, runtime, logger, portHint: options.portHint };
  const first = await acquirePostmaster({ ...context, port: null, signal: new AbortController().signal });
  try {
    await ensureDatabase(first);
  } catch (error) {
    first.connection.close();
    if (!first.adopted) await stopPostmaster(first.pid, home.clusterDir, logger);
    throw error;
  }
  if (!first.adopted) await removeOldRuntimes(home, runtime);
  const watch = watchPostmaster(context, first);
  const startMs = Math.round(performance.now() - startedAt);
  logger.info(
    { postmasterPid: first.pid, port: first.port, adopted: first.adopted, startMs, clusterDir: home.clusterDir },
    "embedded postgres is ready",
  );
  return {
    url: `postgres://${SUPERUSER}:${home.password}@127.0.0.1:${first.port}/${DATABASE}`,
    adopted: first.adopted,
    onOutage: (listener) => register(watch.outage, listener),
    onRestored: (listener) => register(watch.restored, listener),
    failure: watch.failure,
    processId: watch.processId,
    stop: watch.stop,
  };
}

function register<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The cluster is made without the database, so a start that died in between is finished here too. */
async function ensureDatabase(postmaster: Postmaster): Promise<void> {
  const find = `select 1 from pg_database where datname = '${DATABASE}'`;
  if ((await postmaster.connection.query(find)).length > 0) return;
  try {
    await postmaster.connection.query(`create database ${DATABASE}`);
  } catch (error) {
    // Another process may have been faster.
    if ((await postmaster.connection.query(find)).length === 0) throw error;
  }
}

/** A data directory keeps the binaries of one version; root's shared folder keeps all, others may run from them. */
async function removeOldRuntimes(home: Home, runtime: Runtime): Promise<void> {
  if (home.account !== null) return;
  const own = basename(dirname(dirname(runtime.postgres)));
  for (const name of await readdir(home.runtimesDir)) {
    if (name.startsWith("runtime-") && !name.startsWith(own)) {
      await rm(join(home.runtimesDir, name), { recursive: true, force: true });
    }
  }
}
