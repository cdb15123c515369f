import { setTimeout as sleep } from "node:timers/promises";
import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import type { Logger } from "pino";
import { choosePort } from "./choose-port.ts";
import { endOrphans, isPostmasterOf } from "./cluster-processes.ts";
import { writeWhole } from "./drafts.ts";
import { checkVersion, initCluster } from "./init-cluster.ts";
import type { Runtime } from "./install-runtime.ts";
import { launchPostmaster } from "./launch-postmaster.ts";
import { readPostmasterFile, retirePostmasterFile } from "./postmaster-file.ts";
import type { Home } from "./resolve-home.ts";
import { SUPERUSER } from "./settings.ts";
import type { WireConnection } from "./wire/connect.ts";
import { connectWire } from "./wire/connect.ts";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly adopted: boolean;
  /** Stays open for the postmaster's life: its end is how a crash is noticed. */
  readonly connection: WireConnection;
}

export interface AcquireContext {
  readonly home: Home;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly portHint: number | undefined;
  /** Set after the first start: the URL is in use, so no other port will do. */
  readonly port: number | null;
  readonly signal: AbortSignal;
}

const ROUNDS_MAX = 8;
/** How long a process may live without answering on its port at all. */
const SILENCE_MS_MAX = 30_000;
/** Recovery after a crash is bounded by max_wal_size; this is far beyond it. */
const RECOVERY_MS_MAX = 15 * 60_000;

/**
 * Does: gives the one running postmaster of the cluster, taking over a living one, else starting one.
 * Requires no lock between processes: the making of the cluster and the start each have one winner, decided by a rename
 * and by Postgres's own lock file, and who loses comes round again and takes over what the winner has started.
 */
export async function acquirePostmaster(context: AcquireContext): Promise<Postmaster> {
  let portHint = context.portHint;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    context.signal.throwIfAborted();
    // Before a running server is taken over, too: it would be of no use after its next stop.
    await checkVersion(context.home, context.runtime);
    const adopted = await adopt(context);
    if (adopted !== null) return adopted;
    await initCluster(context.home, context.runtime);
    await endOrphans(context.home.clusterDir);
    const port = context.port ?? (await choosePort(context.home.portFile, portHint));
    const started = await start(context, port);
    if (typeof started !== "string") return started;
    if (/Address already in use|could not create any TCP\/IP sockets/.test(started)) {
      portHint = undefined;
      if (context.port !== null)
        throw startFailed(started, `Free port ${port}, or restart the coordinator so that it takes another.`);
    } else if (!/lock file .* already exists/.test(started)) {
      throw startFailed(started, "The output is the end of the server's own log.");
    }
    await sleep(50 * round);
  }
  throw startFailed("", "Another process starts and stops this cluster all the time.");
}

async function adopt(context: AcquireContext): Promise<Postmaster | null> {
  const { clusterDir } = context.home;
  const file = await readPostmasterFile(clusterDir);
  if (file === null) return null;
  if (!(await isPostmasterOf(file.pid, clusterDir))) {
    await retirePostmasterFile(clusterDir, file);
    return null;
  }
  // Still being written: a start of our own loses against it, and the next round takes it over.
  if (file.port === null) return null;
  const connection = await awaitReady(context, file.port, () => isPostmasterOf(file.pid, clusterDir));
  if (connection === null) return null;
  return { pid: file.pid, port: file.port, adopted: true, connection };
}

/** The postmaster, or the log's end when it has exited. */
async function start(context: AcquireContext, port: number): Promise<Postmaster | string> {
  const launched = await launchPostmaster(context.home, context.runtime, port);
  try {
    const connection = await awaitReady(context, port, async () => !launched.hasExited());
    if (connection === null) return await launched.readLog();
    await writeWhole(context.home.portFile, `${port}\n`);
    return { pid: launched.pid, port, adopted: false, connection };
  } catch (error) {
    await launched.end();
    throw error;
  }
}

/** Waits through start and crash recovery; null when the process ends. */
export async function awaitReady(
  context: Pick<AcquireContext, "home" | "logger" | "signal">,
  port: number,
  isAlive: () => Promise<boolean>,
): Promise<WireConnection | null> {
  const startedAt = performance.now();
  let heardAt = startedAt;
  let saidAt = startedAt;
  for (;;) {
    context.signal.throwIfAborted();
    const outcome = await connectWire({ port, user: SUPERUSER, password: context.home.password, database: "postgres" });
    if (outcome.kind === "connected" && (await isCluster(outcome.connection, context.home.clusterDir))) {
      return outcome.connection;
    }
    if (!(await isAlive())) return null;
    if (outcome.kind === "refused") {
      throw startFailed(
        outcome.reason,
        "The password in the data directory is not the one this cluster was made with.",
      );
    }
    const now = performance.now();
    if (outcome.kind === "starting") heardAt = now;
    if (now - heardAt > SILENCE_MS_MAX || now - startedAt > RECOVERY_MS_MAX) {
      throw startFailed("", "The server process lives but accepts no connection; see its log.");
    }
    if (now - saidAt > 10_000) {
      saidAt = now;
      context.logger.warn({ waitedMs: Math.round(now - startedAt) }, "embedded postgres is still recovering");
    }
    await sleep(now - startedAt < 2_000 ? 10 : 100);
  }
}

/** False when the server went away in between. Another cluster with this password is a copy, and a copy is refused. */
async function isCluster(connection: WireConnection, clusterDir: string): Promise<boolean> {
  const rows = await connection.query("select current_setting('data_directory')").catch(() => null);
  const found = rows?.[0]?.[0];
  if (found === clusterDir) return true;
  connection.close();
  if (rows === null) return false;
  throw startFailed(`the server on this port keeps its data in ${found}`, "Stop that server.");
}

function startFailed(output: string, hint: string): ParallaxError {
  return new ParallaxError("embedded_start_failed", "the embedded Postgres could not be started", {
    hint,
    details: { output },
  });
}

/** What goes wrong below (a missing interpreter, a mount that forbids execution) keeps its own words. */
export function asStartFailure(error: unknown): ParallaxError {
  if (isParallaxError(error)) return error;
  const message = error instanceof Error ? error.message : "unknown error";
  return new ParallaxError("embedded_start_failed", `the embedded Postgres could not be started: ${message}`, {
    hint: "Set DATABASE_URL to a Postgres of yours if this machine cannot run the one that comes along.",
    cause: error,
  });
}
