import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { killCluster } from "../cluster-processes.ts";
import type { EmbeddedPostgres } from "../contract.ts";
import { startEmbeddedPostgres } from "../start-embedded-postgres.ts";
import type { WireConnection } from "../wire/connect.ts";
import { connectWire } from "../wire/connect.ts";

/** Directories of one test, which Postgres's own user can reach; `remove` takes whatever still runs in them along. */
export interface TemporaryPlace {
  readonly root: string;
  readonly dataDir: string;
  readonly systemDir: string;
  remove(): Promise<void>;
}

export async function makePlace(): Promise<TemporaryPlace> {
  const root = await mkdtemp(join(tmpdir(), "parallax postgres "));
  await chmod(root, 0o755);
  const systemDir = join(root, "system");
  await mkdir(systemDir);
  return {
    root,
    dataDir: join(root, "data"),
    systemDir,
    remove: async () => {
      for (const clusterDir of await listClusters(root)) await killCluster(clusterDir);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A Postgres for one test file, which stops and disappears with `remove`. */
export async function startTemporaryPostgres(): Promise<{ postgres: EmbeddedPostgres; remove(): Promise<void> }> {
  const place = await makePlace();
  const postgres = await startEmbeddedPostgres({ ...place, logger: pino({ level: "silent" }) });
  return {
    postgres,
    remove: async () => {
      await postgres.stop();
      await place.remove();
    },
  };
}

/** A connection to the database of the URL, without a driver. */
export async function openWire(url: string): Promise<WireConnection> {
  const { port, username, password, pathname } = new URL(url);
  const outcome = await connectWire({ port: Number(port), user: username, password, database: pathname.slice(1) });
  if (outcome.kind !== "connected") throw new Error(`not connected: ${JSON.stringify(outcome)}`);
  return outcome.connection;
}

export async function listClusters(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && entry.name === "cluster")
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Ids of all living processes that work below a directory, whatever they are called. */
export async function listProcessesBelow(root: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    if (cwd.startsWith(root) && !/^State:\s+Z/m.test(status)) found.push(Number(pid));
  }
  return found;
}
