import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
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

/** Passes everything on, but breaks so many connections in the driver's first statement, before they can be used. */
async function breakYoungConnections(url: string, count: number): Promise<{ url: string; close: () => void }> {
  const target = new URL(url);
  let left = count;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.on("data", (bytes) => {
      if (left > 0 && bytes.includes("pg_type")) {
        left -= 1;
        if (left % 2 === 0) near.resetAndDestroy();
        else near.destroy();
        far.destroy();
        return;
      }
      far.write(bytes);
    });
    far.on("data", (bytes) => near.write(bytes));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const broken = new URL(url);
  broken.port = String((server.address() as AddressInfo).port);
  return { url: broken.href, close: () => server.close() };
}

it("connections that break while they are made end nobody's process, and the next ones are used", async () => {
  const broken = await breakYoungConnections(database.url, 4);
  const away = openStore({ url: broken.url, connectionsMax: 1 });
  const ask = async (): Promise<number | undefined> =>
    (await away.transaction(async (tx) => await tx.execute<{ one: number }>(sql`SELECT ${1}::int AS one`)))[0]?.one;
  await expect.poll(async () => await ask().catch(() => null), { timeout: 30_000 }).toBe(1);
  await away.close();
  broken.close();
});

/** Nobody listens there until `open` is called; then everything is passed on. */
async function closedDoor(url: string): Promise<{ url: string; open: () => Promise<void>; close: () => void }> {
  const target = new URL(url);
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const door = new URL(url);
  door.port = String(port);
  const open = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  return { url: door.href, open, close: () => server.close() };
}

it("a database that comes back after many refused tries is used again within two seconds", async () => {
  const door = await closedDoor(database.url);
  const away = openStore({ url: door.url, connectionsMax: 2 });
  const deadline = performance.now() + 5_000;
  for (let refusals = 0; refusals < 20 && performance.now() < deadline; refusals += 1) {
    await expect(away.ping()).rejects.toMatchObject({ code: "store_unavailable" });
  }
  await door.open();
  const openedMs = performance.now();
  await expect
    .poll(
      async () =>
        await away.ping().then(
          () => true,
          () => false,
        ),
      { timeout: 30_000, interval: 20 },
    )
    .toBe(true);
  expect(performance.now() - openedMs).toBeLessThan(2_000);
  await away.close();
  door.close();
});
