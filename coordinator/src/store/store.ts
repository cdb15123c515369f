import { fileURLToPath } from "node:url";
import { ParallaxError } from "@parallax/shared/errors";
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { isTransient, isUnavailable } from "./failures.ts";

/** What store functions take first: a transaction, or the pool for single statements. */
export type Tx = Pick<PostgresJsDatabase, "select" | "selectDistinct" | "insert" | "update" | "delete" | "execute">;

export interface Store {
  /** The pool: single statements only. */
  readonly db: Tx;
  /**
   * One transaction; repeated when Postgres asks for it (deadlock, serialization). `work` must have no effect outside it.
   * Throws `store_unavailable` while Postgres cannot be reached.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when Postgres answers; throws `store_unavailable` when not. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly url: string;
  readonly connectionsMax?: number;
  readonly schema?: string;
}

const TRIES_MAX = 6;
const RECONNECT_SECONDS_MAX = 1;
const MIGRATION_LOCK = 7_265_001;

export function openStore(options: StoreOptions): Store {
  const client = postgres(options.url, {
    max: options.connectionsMax ?? 16,
    connect_timeout: 5,
    // the driver's own pause grows to twenty seconds, which a database that is back already would have to wait out
    backoff: (tries) => Math.min(RECONNECT_SECONDS_MAX, 0.05 * 2 ** tries) * (0.5 + Math.random() / 2),
    idle_timeout: 300,
    onnotice: () => undefined,
    connection: {
      application_name: "parallax",
      // a transaction of a process that stands still must not hold its locks for ever
      idle_in_transaction_session_timeout: 60_000,
      ...(options.schema === undefined ? {} : { search_path: options.schema }),
    },
  });
  const db = drizzle(client);
  return {
    db,
    transaction: (work) => repeatOnConflict(() => db.transaction(async (tx) => await work(tx))),
    ping: async () => {
      await guarded(async () => await client`select 1`);
    },
    close: async () => {
      await client.end({ timeout: 5 });
    },
  };
}

/** Applies what is missing, one process at a time. */
export async function migrateStore(options: StoreOptions): Promise<void> {
  const client = postgres(options.url, {
    max: 1,
    connect_timeout: 5,
    onnotice: () => undefined,
    ...(options.schema === undefined ? {} : { connection: { search_path: options.schema } }),
  });
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await migrate(drizzle(client), {
      migrationsFolder: fileURLToPath(new URL("./migrations", import.meta.url)),
      migrationsSchema: options.schema ?? "public",
      migrationsTable: "parallax_migrations",
    });
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function repeatOnConflict<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await guarded(attempt);
    } catch (error) {
      if (tries >= TRIES_MAX || !isTransient(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * tries));
    }
  }
}

/** A database that is there but does not answer is as good as away: whoever waits is told so. */
const ANSWER_MS_MAX = 20_000;

async function guarded<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await answeredWithin(ANSWER_MS_MAX, attempt());
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new ParallaxError("store_unavailable", "the database cannot be reached now", {
      cause: error,
      hint: "repeat the request; with an Idempotency-Key a create is safe to repeat",
    });
  }
}

async function answeredWithin<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT" })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // when the deadline came first, nobody hears how the work ended
    work.catch(() => undefined);
  }
}
