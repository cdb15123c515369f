import pg from "pg";
import type { Logger } from "pino";
import { isOutage } from "../outage.ts";

/** Four for statements, one that the timers' worker listens on. The same for one lane and for a thousand. */
const CONNECTIONS_MAX = 5;
const CONNECT_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 4_000;

export const SCHEMA = "bullmq";

/**
 * The pool that BullMQ is given, for it cannot load a driver of its own in an ES module. Every error that means "no
 * database now" leaves it as ECONNREFUSED: that is the one that BullMQ answers with a pause, after any other it would
 * ask again at once, in a loop without end. An outage is logged when it begins and when it is over.
 */
export function openOutagePool(databaseUrl: string, logger: Logger) {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: CONNECTIONS_MAX,
    options: `-c search_path=${SCHEMA}`,
    application_name: "parallax-queue",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  let isDown = false;
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const result = await work;
      if (isDown) logger.info("queue has its database again");
      isDown = false;
      return result;
    } catch (error) {
      if (!isOutage(error)) throw error;
      if (!isDown) logger.warn({ err: error }, "queue has lost its database");
      isDown = true;
      throw Object.assign(new Error("the queue's database cannot be reached", { cause: error }), {
        code: "ECONNREFUSED",
      });
    }
  };
  // An idle connection that ends is no news: the next statement opens another. Unheard, it would end the process.
  pool.on("error", () => undefined);
  const guarded = {
    query: async (text: string, values?: readonly unknown[]) =>
      guard(pool.query(text, values as unknown[] | undefined)),
    connect: async () => guard(pool.connect()),
    end: async () => pool.end(),
    on: (event: "error" | "connect", listener: (subject: never) => void) => {
      pool.on(event as "error", listener as (error: Error) => void);
      return guarded;
    },
    removeAllListeners: () => guarded,
    options: { keepAlive: true },
  };
  return guarded;
}

export type OutagePool = ReturnType<typeof openOutagePool>;
