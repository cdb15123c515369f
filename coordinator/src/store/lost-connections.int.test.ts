import { sql } from "drizzle-orm";
import postgres from "postgres";
import { afterEach, beforeEach, expect, inject, it } from "vitest";
import { openStore, type Store, type Tx } from "./store.ts";
import { type FreshDatabase, freshDatabase } from "./testing/fresh-database.ts";

/** Fewer connections than losses: one that is not given back is missed. */
const CONNECTIONS = 2;
const LOSSES = 10;

let database: FreshDatabase;
let store: Store;
let killer: postgres.Sql;

beforeEach(async () => {
  database = await freshDatabase(inject("databaseUrl"));
  store = openStore({ url: database.url, connectionsMax: CONNECTIONS });
  killer = postgres(database.url, { max: 1 });
});
afterEach(async () => {
  await killer.end({ timeout: 1 });
  await store.close();
  await database.drop();
});

async function backendOf(tx: Tx): Promise<number> {
  const [row] = await tx.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`);
  return row?.pid ?? 0;
}

async function endBackend(pid: number): Promise<void> {
  await killer`SELECT pg_terminate_backend(${pid}, 5000)`;
}

async function expectToGoOn(): Promise<void> {
  const answers = Array.from({ length: CONNECTIONS * 2 }, async () =>
    store.transaction(async (tx) => await tx.execute<{ one: number }>(sql`SELECT ${1}::int AS one`)),
  );
  for (const [row] of await Promise.all(answers)) expect(row?.one).toBe(1);
}

it("a transaction whose connection is ended in the middle of a statement fails, and the next ones do not", async () => {
  for (let loss = 0; loss < LOSSES; loss += 1) {
    const failed = store.transaction(async (tx) => {
      const pid = await backendOf(tx);
      const sleeping = tx.execute(sql`SELECT pg_sleep(30)`);
      await endBackend(pid);
      await sleeping;
    });
    await expect(failed).rejects.toMatchObject({ code: "store_unavailable" });
  }
  await expectToGoOn();
});

it("a transaction whose connection is ended between two statements fails, and the next ones do not", async () => {
  for (let loss = 0; loss < LOSSES; loss += 1) {
    const failed = store.transaction(async (tx) => {
      await endBackend(await backendOf(tx));
      await new Promise((resolve) => setTimeout(resolve, loss * 2));
      await tx.execute(sql`SELECT ${loss}::int`);
    });
    await expect(failed).rejects.toMatchObject({ code: "store_unavailable" });
  }
  await expectToGoOn();
});

it("statements of a transaction that lost its connection never reach the transaction that got it next", async () => {
  const narrow = openStore({ url: database.url, connectionsMax: 1 });
  const lost = Promise.withResolvers<void>();
  const inserted = Promise.withResolvers<void>();
  let stale: Promise<unknown> = Promise.resolve();
  const failed = narrow.transaction(async (tx) => {
    await endBackend(await backendOf(tx));
    lost.resolve();
    // it works on something else and has not heard of its end yet
    await inserted.promise;
    stale = tx.execute(sql`ROLLBACK`).catch(() => undefined);
    await stale;
  });
  await expect(failed).rejects.toMatchObject({ code: "store_unavailable" });
  await lost.promise;
  await narrow.transaction(async (tx) => {
    await tx.execute(sql`INSERT INTO projects (id, name) VALUES ('p', 'kept')`);
    inserted.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await stale;
  });
  expect(await killer`SELECT id FROM projects WHERE name = 'kept'`).toHaveLength(1);
  await narrow.close();
});
