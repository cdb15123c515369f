import { serve } from "@hono/node-server";
import { systemClock } from "@parallax/shared/clock";
import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import { randomIds } from "@parallax/shared/ids";
import { pino } from "pino";
import { openAdminKey } from "./auth/admin-key.ts";
import { openLeaseTokens } from "./auth/lease-tokens.ts";
import { type Config, loadConfig } from "./config.ts";
import type { Deps } from "./deps.ts";
import { createDispatcher } from "./dispatch/dispatcher.ts";
import { startEmbeddedPostgres } from "./embedded/start-embedded-postgres.ts";
import { createApp } from "./http/create-app.ts";
import { startPeriodicWork } from "./leases/periodic-work.ts";
import { describeError } from "./log-errors.ts";
import { createQueue } from "./queue/create-queue.ts";
import { createWake } from "./queue/wake.ts";
import { holdCoordinatorLock } from "./store/coordinator-lock.ts";
import { migrateStore, openStore } from "./store/store.ts";
import { VERSION } from "./version.ts";

type Closer = () => Promise<void>;

async function start(config: Config, closers: Closer[]): Promise<void> {
  const logger = pino({
    level: config.logLevel,
    redact: ["password", "token", "key", "url.password"],
    serializers: { err: (error: unknown) => describeError(error) },
  });
  const adminKey = await openAdminKey(config.dataDir);
  if (config.authOff) logger.warn("PARALLAX_AUTH=off: everybody on this machine may do everything");
  const databaseUrl = await openDatabase(config, logger, closers);

  await migrateStore({ url: databaseUrl });
  const store = openStore({ url: databaseUrl });
  closers.push(() => store.close());
  const queue = await createQueue({ databaseUrl, logger });
  closers.push(() => queue.close());
  const deps: Deps = {
    store,
    queue,
    wake: createWake(),
    clock: systemClock,
    ids: randomIds,
    limits: config.limits,
    tokens: await openLeaseTokens(store),
    logger,
  };

  const dispatcher = createDispatcher(deps);
  const app = createApp(deps, dispatcher, {
    adminKey: config.authOff ? null : adminKey,
    allowedHosts: config.allowedHosts,
    version: VERSION,
  });
  await startPeriodicWork(deps);
  const url = await listen(config, app.fetch as Fetch, closers);
  // before the server closes: held polls end with 204 instead of a broken connection
  closers.push(async () => dispatcher.close());
  logger.info({ url, version: VERSION, pid: process.pid }, "coordinator ready");
}

/** The database's URL, with the lock that makes this process its only coordinator: wake-ups do not leave a process yet. */
async function openDatabase(config: Config, logger: Deps["logger"], closers: Closer[]): Promise<string> {
  const { dataDir, systemDir, databaseUrl } = config;
  const place = systemDir === null ? { dataDir } : { dataDir, systemDir };
  const embedded = databaseUrl === null ? await startEmbeddedPostgres({ ...place, logger }) : null;
  const url = databaseUrl ?? embedded?.url ?? "";
  const lock = await holdCoordinatorLock(url, () => {
    logger.fatal("another coordinator took this database over");
    process.exit(1);
  });
  // only now is it ours to stop: without the lock it belongs to another coordinator
  closers.push(async () => await embedded?.stop());
  closers.push(() => lock.release());
  return url;
}

type Fetch = (request: Request) => Response | Promise<Response>;

async function listen(config: Config, fetch: Fetch, closers: Closer[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch,
        hostname: config.host,
        port: config.port,
        // longer than the idle limits of common proxies, so that they never send on a connection that is being closed
        serverOptions: {
          keepAliveTimeout: 95_000,
          headersTimeout: 60_000,
          requestTimeout: 300_000,
          maxHeaderSize: 16_384,
        },
      },
      (info) => {
        const host = config.host.includes(":") ? `[${config.host}]` : config.host;
        resolve(`http://${host}:${info.port}`);
      },
    );
    server.on("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new ParallaxError("config_invalid", `port ${config.port} on ${config.host} is in use`, {
              hint: "choose another one with --port, or stop what listens there",
            })
          : error,
      );
    });
    closers.push(
      () =>
        new Promise((done) => {
          server.close(() => done());
          if ("closeIdleConnections" in server) server.closeIdleConnections();
          setTimeout(() => {
            if ("closeAllConnections" in server) server.closeAllConnections();
          }, 2_000).unref();
        }),
    );
  });
}

async function close(closers: Closer[]): Promise<void> {
  for (const closer of closers.reverse())
    await closer().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
}

function fail(error: unknown): void {
  const known = isParallaxError(error)
    ? { code: error.code, message: error.message, hint: error.hint }
    : { code: "internal", message: String((error as Error)?.stack ?? error) };
  process.stderr.write(`${JSON.stringify({ level: 60, msg: "coordinator failed", ...known })}\n`);
}

const closers: Closer[] = [];
let closing = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (closing) return;
    closing = true;
    void close(closers).then(() => process.exit(0));
  });
}
try {
  await start(loadConfig(process.env), closers);
} catch (error) {
  fail(error);
  await close(closers);
  process.exit(1);
}
