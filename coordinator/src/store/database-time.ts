import { type SQL, sql } from "drizzle-orm";

/** Postgres's clock now, not at the transaction's begin: a transaction that waited for a lock must not write an old lease. */
export const databaseNow: SQL<Date> = sql<Date>`clock_timestamp()`;

export function databaseNowPlus(ms: number): SQL<Date> {
  return sql<Date>`clock_timestamp() + make_interval(secs => ${ms / 1000})`;
}
