import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EmbeddedPostgres } from "./contract.ts";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
import type { TemporaryPlace } from "./testing/temporary-postgres.ts";
import { listClusters, listProcessesBelow, makePlace, openWire } from "./testing/temporary-postgres.ts";

const HOLDER = fileURLToPath(new URL("./fixtures/hold-postgres.ts", import.meta.url));
const asRoot = process.getuid?.() === 0;
const logger = pino({ level: "silent" });

let place: TemporaryPlace;
let holders: ChildProcess[];

beforeEach(async () => {
  place = await makePlace();
  holders = [];
});

afterEach(async () => {
  for (const holder of holders) {
    if (holder.exitCode !== null || holder.signalCode !== null) continue;
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  await place.remove();
});

const start = (dataDir = place.dataDir): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ dataDir, systemDir: place.systemDir, logger });

interface Held {
  readonly holder: ChildProcess;
  readonly url: string;
  readonly adopted: boolean;
  readonly postmasterPid: number;
}

/** A process of its own that has started the same Postgres. */
async function hold(): Promise<Held> {
  const holder = spawn(process.execPath, [HOLDER, place.dataDir, place.systemDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  holders.push(holder);
  const line: unknown = JSON.parse((await once(createInterface({ input: holder.stdout }), "line"))[0]);
  return { holder, ...(line as Omit<Held, "holder">) };
}

async function run(url: string, ...statements: string[]): Promise<(string | null)[][]> {
  const connection = await openWire(url);
  let rows: (string | null)[][] = [];
  for (const sql of statements) rows = await connection.query(sql);
  connection.close();
  await connection.closed;
  return rows;
}

const restored = (postgres: EmbeddedPostgres): Promise<{ downMs: number; restarted: boolean }> =>
  new Promise((resolve) => postgres.onRestored(resolve));

test("a fresh data directory gets a durable server that only its password opens", async () => {
  const postgres = await start();
  const settings = "'fsync', 'synchronous_commit', 'TimeZone', 'jit', 'listen_addresses', 'server_encoding'";
  const rows = await run(postgres.url, `select name, setting from pg_settings where name in (${settings}) order by 1`);
  expect(Object.fromEntries(rows)).toEqual({
    fsync: "on",
    jit: "off",
    listen_addresses: "127.0.0.1",
    server_encoding: "UTF8",
    synchronous_commit: "on",
    TimeZone: "UTC",
  });
  const wrong = new URL(postgres.url);
  wrong.password = "not-the-password";
  await expect(openWire(wrong.href)).rejects.toThrow("password authentication failed");
  expect((await stat(join(place.dataDir, "postgres", "cluster.json"))).mode & 0o777).toBe(0o600);
  await postgres.stop();
});

test("the password is in no argument and in no log of the server", async () => {
  const postgres = await start();
  const { password } = new URL(postgres.url);
  for (const pid of await listProcessesBelow(place.root)) {
    expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(password);
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain(password);
  }
  await postgres.stop();
  for (const clusterDir of await listClusters(place.root)) {
    expect(await readFile(join(clusterDir, "..", "log", "postgres.log"), "utf8")).not.toContain(password);
  }
});

test("stop leaves no process, and the next start finds the data on the same port", async () => {
  const first = await start();
  await run(first.url, "create table kept (n int)", "insert into kept values (7)");
  await first.stop();
  expect(await listProcessesBelow(place.root)).toEqual([]);
  const second = await start();
  expect(second.adopted).toBe(false);
  expect(second.url).toBe(first.url);
  expect(await run(second.url, "select n from kept")).toEqual([["7"]]);
  await second.stop();
});

test("a postmaster outlives a killed owner and is taken over with its sessions", async () => {
  const held = await hold();
  const session = await openWire(held.url);
  await session.query("create temporary table mine (n int)");
  held.holder.kill("SIGKILL");
  await once(held.holder, "exit");

  const postgres = await start();
  expect(postgres).toMatchObject({ adopted: true, url: held.url });
  expect(postgres.processId()).toBe(held.postmasterPid);
  expect(await session.query("select count(*) from mine")).toEqual([["0"]]);
  await postgres.stop();
  expect(await listProcessesBelow(place.root)).toEqual([]);
});

test("of two processes that start one fresh data directory together, one takes over what the other started", async () => {
  const [one, two] = await Promise.all([hold(), hold()]);
  expect(one.url).toBe(two.url);
  expect(one.postmasterPid).toBe(two.postmasterPid);
  expect([one.adopted, two.adopted].sort()).toEqual([false, true]);
  expect(await listClusters(place.root)).toHaveLength(1);
});

// Retried, because a busy machine may take the milliseconds that the server did not.
test("a killed postmaster is noticed within 200 ms and restarted with every committed row", { retry: 2 }, async () => {
  const postgres = await start();
  await run(
    postgres.url,
    "create table if not exists kept (n int)",
    "truncate kept",
    "insert into kept select generate_series(1, 1000)",
  );
  const killedAt = performance.now();
  const outage = new Promise<number>((resolve) => postgres.onOutage(() => resolve(performance.now() - killedAt)));
  const back = restored(postgres);
  process.kill(postgres.processId(), "SIGKILL");
  expect(await outage).toBeLessThan(200);
  expect(await back).toMatchObject({ restarted: true });
  expect(await run(postgres.url, "select count(*) from kept")).toEqual([["1000"]]);
  await postgres.stop();
  expect(await listProcessesBelow(place.root)).toEqual([]);
});

test("a postmaster that was taken over is restarted too when it is killed", async () => {
  const held = await hold();
  held.holder.kill("SIGKILL");
  await once(held.holder, "exit");
  const postgres = await start();
  const back = restored(postgres);
  process.kill(held.postmasterPid, "SIGKILL");
  expect(await back).toMatchObject({ restarted: true });
  expect(await run(postgres.url, "select 1")).toEqual([["1"]]);
  await postgres.stop();
});

test("a backend that survives its postmaster and holds the shared memory is ended before the restart", async () => {
  const postgres = await start();
  const session = await openWire(postgres.url);
  const backend = Number((await session.query("select pg_backend_pid()"))[0]?.[0]);
  process.kill(backend, "SIGSTOP");
  const back = restored(postgres);
  process.kill(postgres.processId(), "SIGKILL");
  await back;
  expect(await listProcessesBelow(place.root)).not.toContain(backend);
  await postgres.stop();
});

test("a killed backend makes an outage that ends when the same postmaster has recovered", async () => {
  const postgres = await start();
  const postmasterPid = postgres.processId();
  const session = await openWire(postgres.url);
  const backend = Number((await session.query("select pg_backend_pid()"))[0]?.[0]);
  const back = restored(postgres);
  process.kill(backend, "SIGKILL");
  expect(await back).toMatchObject({ restarted: false });
  expect(postgres.processId()).toBe(postmasterPid);
  expect(await run(postgres.url, "select 1")).toEqual([["1"]]);
  await postgres.stop();
});

test("a cluster that cannot be restarted says why, and is back once the cause is gone", async () => {
  const postgres = await start();
  const [clusterDir = ""] = await listClusters(place.root);
  const control = join(clusterDir, "global", "pg_control");
  await rename(control, `${control}.away`);
  const back = restored(postgres);
  process.kill(postgres.processId(), "SIGKILL");
  await expect.poll(() => postgres.failure()?.code, { timeout: 10_000 }).toBe("embedded_start_failed");
  expect(JSON.stringify(postgres.failure()?.details)).toContain("pg_control");
  await rename(`${control}.away`, control);
  await back;
  expect(postgres.failure()).toBeNull();
  await postgres.stop();
});

test("stop during a restart that keeps failing ends at once and leaves no process", async () => {
  const postgres = await start();
  const [clusterDir = ""] = await listClusters(place.root);
  await rename(join(clusterDir, "global", "pg_control"), join(place.root, "pg_control"));
  process.kill(postgres.processId(), "SIGKILL");
  await expect.poll(() => postgres.failure(), { timeout: 10_000 }).not.toBeNull();
  await postgres.stop();
  expect(await listProcessesBelow(place.root)).toEqual([]);
});

test("a lock file whose process id now belongs to another process does not prevent the start", async () => {
  const first = await start();
  await first.stop();
  const [clusterDir = ""] = await listClusters(place.root);
  // Of the cluster's own user: Postgres itself sees through all others.
  const { uid, gid } = await stat(clusterDir);
  const bystander = spawn("sleep", ["60"], { cwd: "/", stdio: "ignore", uid, gid });
  holders.push(bystander);
  await once(bystander, "spawn");
  await writeFile(
    join(clusterDir, "postmaster.pid"),
    `${bystander.pid}\n${clusterDir}\n1\n1\n\n127.0.0.1\n\nready   \n`,
  );
  const second = await start();
  expect(second.adopted).toBe(false);
  expect(bystander.exitCode).toBeNull();
  await second.stop();
});

test("a remembered port that somebody else has taken is replaced by a free one", async () => {
  const first = await start();
  await first.stop();
  const thief = createServer().listen(Number(new URL(first.url).port), "127.0.0.1");
  await once(thief, "listening");
  const second = await start();
  expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
  thief.close();
  await second.stop();
});

test("a deleted data directory is not given its old database, of which nothing is left", async () => {
  const held = await hold();
  await run(held.url, "create table old (n int)");
  held.holder.kill("SIGKILL");
  await once(held.holder, "exit");
  await rm(place.dataDir, { recursive: true });
  const postgres = await start();
  expect(postgres.adopted).toBe(false);
  expect(await run(postgres.url, "select to_regclass('old')")).toEqual([[null]]);
  expect(await listClusters(place.root)).toHaveLength(1);
  expect(await listProcessesBelow(place.root)).not.toContain(held.postmasterPid);
  await postgres.stop();
});

test("a data directory that was moved keeps its database", async () => {
  const first = await start();
  await run(first.url, "create table kept (n int)");
  await first.stop();
  const moved = join(place.root, "moved");
  await rename(place.dataDir, moved);
  const second = await start(moved);
  expect(await run(second.url, "select count(*) from kept")).toEqual([["0"]]);
  await second.stop();
  // The old path is free for a database of its own, and does not take the moved one for an orphan.
  const third = await start();
  expect(await run(third.url, "select to_regclass('kept')")).toEqual([[null]]);
  await third.stop();
  expect(await listClusters(place.root)).toHaveLength(2);
});

test.runIf(asRoot)("a copy of a data directory is refused rather than given the original's database", async () => {
  const first = await start();
  await first.stop();
  const copy = join(place.root, "copy");
  await mkdir(join(copy, "postgres"), { recursive: true });
  for (const name of await readdir(join(place.dataDir, "postgres"))) {
    await copyFile(join(place.dataDir, "postgres", name), join(copy, "postgres", name));
  }
  await expect(start(copy)).rejects.toMatchObject({ code: "data_dir_unusable" });
});

test("a cluster that has vanished is an error and not an empty database", async () => {
  const first = await start();
  await first.stop();
  for (const clusterDir of await listClusters(place.root)) await rm(clusterDir, { recursive: true });
  await expect(start()).rejects.toMatchObject({ code: "data_dir_unusable" });
});

test("a cluster of another major version is refused with a way out", async () => {
  const first = await start();
  await first.stop();
  const [clusterDir = ""] = await listClusters(place.root);
  await writeFile(join(clusterDir, "PG_VERSION"), "15\n");
  const refusal = start();
  await expect(refusal).rejects.toMatchObject({ code: "embedded_version_mismatch", details: { found: "15" } });
  await expect(refusal).rejects.toHaveProperty("hint", expect.stringContaining("pg_dump"));
});

test("a running server that does not know the password is neither taken over nor ended", async () => {
  const held = await hold();
  const file = join(place.dataDir, "postgres", "cluster.json");
  const cluster: unknown = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...(cluster as object), password: "another-password-of-24-chars" }));
  await expect(start()).rejects.toMatchObject({ code: "embedded_start_failed" });
  expect(await run(held.url, "select 1")).toEqual([["1"]]);
});

test.runIf(asRoot)("a place that Postgres's own user cannot reach is refused with a hint", async () => {
  await chmod(place.root, 0o700);
  const refusal = start();
  await expect(refusal).rejects.toMatchObject({ code: "data_dir_unusable" });
  await expect(refusal).rejects.toHaveProperty("hint", expect.stringContaining("chmod"));
});

test("a data directory that is a file is refused with a hint", async () => {
  await writeFile(place.dataDir, "");
  const refusal = start();
  await expect(refusal).rejects.toMatchObject({ code: "data_dir_unusable" });
  await expect(refusal).rejects.toHaveProperty("hint", expect.any(String));
});
