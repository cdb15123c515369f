import type { BackendFactory } from "bullmq";
import { PostgresConnection, PostgresQueueBackend, runMigrations } from "bullmq";
import pg from "pg";
import type { Logger } from "pino";
import type { Messenger } from "../messenger.ts";
import { type OutagePool, openOutagePool, SCHEMA } from "./outage-pool.ts";
import { WaitingBackend } from "./waiting-backend.ts";

const EVENT_AGE_MS_MAX = 30_000;
const EVENTS_PER_SWEEP_MAX = 200_000;

/** Does: brings BullMQ's schema up to date and opens its few connections. Safe when several coordinators start at once. */
export async function openPostgresMessenger(databaseUrl: string, logger: Logger): Promise<Messenger> {
  await migrate(databaseUrl);
  const pool = openOutagePool(databaseUrl, logger);
  try {
    // Made ready before anybody uses it: BullMQ keeps the outcome of the first attempt for good, a failure too.
    const connection = new PostgresConnection(pool);
    await connection.waitUntilReady();
    const shared: BackendFactory = (name, options) =>
      new PostgresQueueBackend(connection, name, { ...options, connection: pool }, false);
    const waiting: BackendFactory = (name, options) =>
      new WaitingBackend(new PostgresConnection(pool), name, { ...options, connection: pool });
    return { shared, waiting, tidy: () => tidy(pool), close: () => pool.end() };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** On a connection of its own, because a second coordinator waits here for the first one to finish. */
async function migrate(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    await client.end();
  }
}

/**
 * BullMQ trims the events of a queue only when that queue is used again, and keeps thousands; nobody reads them here.
 * Rows that BullMQ is trimming itself are skipped, so that the two never wait for each other.
 */
async function tidy(pool: OutagePool): Promise<readonly string[]> {
  const now = Date.now();
  await pool.query(
    `delete from event where (queue, id) in
       (select queue, id from event where created_at_ms < $1 limit ${EVENTS_PER_SWEEP_MAX} for update skip locked)`,
    [now - EVENT_AGE_MS_MAX],
  );
  const { rows } = await pool.query("select distinct queue from job where state = 'active' and locked_until_ms < $1", [
    now,
  ]);
  return rows.map((row: { queue: string }) => row.queue);
}
