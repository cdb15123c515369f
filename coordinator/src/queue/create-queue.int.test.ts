import { rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { EmbeddedPostgres } from "../embedded/contract.ts";
import { openWire, startTemporaryPostgres } from "../embedded/testing/temporary-postgres.ts";
import type { Queue, Timer } from "./contract.ts";
import { createQueue } from "./create-queue.ts";
import { openLanes } from "./lanes.ts";
import { openPostgresMessenger } from "./postgres/open-messenger.ts";

const logger = pino({ level: "silent" });
let postgres: EmbeddedPostgres;
let remove: () => Promise<void>;
let queue: Queue;
let lane: string;
let lanes = 0;

beforeAll(async () => {
  ({ postgres, remove } = await startTemporaryPostgres());
});

afterAll(async () => {
  await remove();
});

beforeEach(async () => {
  queue = await createQueue({ databaseUrl: postgres.url, logger });
  lanes += 1;
  lane = `lane_${lanes}`;
});

afterEach(async () => {
  await queue.close();
  await ask("truncate bullmq.job, bullmq.dedup cascade");
});

async function ask(sql: string): Promise<string | null | undefined> {
  const connection = await openWire(postgres.url);
  const rows = await connection.query(sql);
  connection.close();
  return rows[0]?.[0];
}

/** For promises about milliseconds: a busy machine may break one now and then, a broken queue breaks it every time. */
const timed = { retry: 3 };

interface Fired extends Timer {
  readonly at: number;
}

/** Collects what fires; `next` waits for the first timer with this id. */
function collectTimers(into: Queue): { fired: Fired[]; next(id: string): Promise<Fired> } {
  const fired: Fired[] = [];
  const waiting = new Map<string, (timer: Fired) => void>();
  into.onTimer(async (timer) => {
    const entry = { ...timer, at: Date.now() };
    fired.push(entry);
    waiting.get(timer.id)?.(entry);
  });
  return {
    fired,
    next: async (id) => fired.find((timer) => timer.id === id) ?? new Promise((resolve) => waiting.set(id, resolve)),
  };
}

/** Kills Postgres and keeps it from starting: without this file no server opens its cluster. */
async function whilePostgresIsGone(work: () => Promise<void>): Promise<void> {
  const control = join((await ask("show data_directory")) ?? "", "global", "pg_control");
  const gone = new Promise<void>((resolve) => postgres.onOutage(resolve));
  const back = restored();
  await rename(control, `${control}.away`);
  process.kill(postgres.processId(), "SIGKILL");
  await gone;
  try {
    await work();
  } finally {
    await rename(`${control}.away`, control);
    await back;
  }
}

const restored = (): Promise<unknown> => new Promise((resolve) => postgres.onRestored(resolve));

test("hints of a lane are taken once each, oldest first", async () => {
  for (const run of ["run_a", "run_b", "run_c"]) await queue.putHint(lane, run);
  await queue.putHint(`${lane}_other`, "run_x");
  const taken = [await queue.takeHint(lane), await queue.takeHint(lane), await queue.takeHint(lane)];
  expect(taken).toEqual(["run_a", "run_b", "run_c"]);
  expect(await queue.takeHint(lane)).toBeNull();
});

test("a second hint for the same run is none, and a new one after it was taken is", async () => {
  await Promise.all([queue.putHint(lane, "run_a"), queue.putHint(lane, "run_a")]);
  expect(await queue.takeHint(lane)).toBe("run_a");
  expect(await queue.takeHint(lane)).toBeNull();
  await queue.putHint(lane, "run_a");
  expect(await queue.takeHint(lane)).toBe("run_a");
});

test("many takers at once, in two processes' queues, never get the same hint", async () => {
  const other = await createQueue({ databaseUrl: postgres.url, logger });
  const runs = Array.from({ length: 60 }, (_, index) => `run_${String(index).padStart(3, "0")}`);
  await Promise.all(runs.map((run) => queue.putHint(lane, run)));
  const taken = await Promise.all(runs.map((_, index) => (index % 2 === 0 ? queue : other).takeHint(lane)));
  expect(taken.toSorted()).toEqual(runs);
  await other.close();
});

test("a dropped hint is not taken, and dropping what is not there is no error", async () => {
  await queue.putHint(lane, "run_a");
  await queue.dropHint(lane, "run_a");
  await queue.dropHint(lane, "run_unknown");
  expect(await queue.takeHint(lane)).toBeNull();
});

test("a hint leaves no row behind when it was taken", async () => {
  await queue.putHint(lane, "run_a");
  await queue.takeHint(lane);
  expect(await ask(`select count(*) from bullmq.job where queue = '${lane}'`)).toBe("0");
});

test("a lane's id that is none is refused", async () => {
  await expect(queue.putHint("timers", "run_a")).rejects.toMatchObject({ code: "internal" });
  await expect(queue.takeHint("lane_a:b")).rejects.toMatchObject({ code: "internal" });
});

test("300 lanes need no more connections than one", async () => {
  const connections = "select count(*) from pg_stat_activity where application_name in ('parallax-queue', 'timers')";
  await Promise.all(Array.from({ length: 20 }, (_, index) => queue.putHint(lane, `run_${index}`)));
  const before = Number(await ask(connections));
  for (let index = 0; index < 300; index += 1) await queue.putHint(`${lane}_${index}`, "run_a");
  const taken = await Promise.all(Array.from({ length: 300 }, (_, index) => queue.takeHint(`${lane}_${index}`)));
  expect(new Set(taken)).toEqual(new Set(["run_a"]));
  expect(Number(await ask(connections))).toBeLessThanOrEqual(before);
  expect(before).toBeLessThanOrEqual(5);
});

test("a hint whose taker died comes back", async () => {
  await queue.putHint(lane, "run_a");
  // What a taker that dies between its two statements leaves behind.
  await ask(`update bullmq.job set state = 'active', lock_token = 'dead', locked_until_ms = 1 where queue = '${lane}'`);
  expect(await queue.takeHint(lane)).toBeNull();
  const messenger = await openPostgresMessenger(postgres.url, logger);
  const sweeper = openLanes(messenger, logger);
  await sweeper.reviveHints(await messenger.tidy());
  await sleep(5);
  await sweeper.reviveHints(await messenger.tidy());
  await messenger.close();
  expect(await queue.takeHint(lane)).toBe("run_a");
});

test("tidying throws old events away and keeps the jobs", async () => {
  await queue.putHint(lane, "run_a");
  await ask("update bullmq.event set created_at_ms = 1");
  const messenger = await openPostgresMessenger(postgres.url, logger);
  await messenger.tidy();
  await messenger.close();
  expect(await ask("select count(*) from bullmq.event")).toBe("0");
  expect(await queue.takeHint(lane)).toBe("run_a");
});

test("a timer fires with its data within 100 ms of its time, and once", timed, async () => {
  const timers = collectTimers(queue);
  const dueAt = Date.now() + 300;
  await queue.setTimer({ id: "run_1/deadline", kind: "deadline", delayMs: 300, data: { run: "run_1" } });
  const fired = await timers.next("run_1/deadline");
  expect(fired).toMatchObject({ kind: "deadline", data: { run: "run_1" } });
  expect(fired.at - dueAt).toBeGreaterThanOrEqual(0);
  expect(fired.at - dueAt).toBeLessThan(100);
  await queue.setTimer({ id: "after", kind: "k", delayMs: 50, data: {} });
  await timers.next("after");
  expect(timers.fired).toHaveLength(2);
});

test("an earlier timer that is set later does not wait for the one before it", timed, async () => {
  const timers = collectTimers(queue);
  await queue.setTimer({ id: "late", kind: "k", delayMs: 60_000, data: {} });
  await sleep(50);
  const setAt = Date.now();
  await queue.setTimer({ id: "early", kind: "k", delayMs: 20, data: {} });
  expect((await timers.next("early")).at - setAt).toBeLessThan(200);
  await queue.cancelTimer("late");
});

test("setting a timer again replaces its delay and data, to later and to earlier", async () => {
  const timers = collectTimers(queue);
  await queue.setTimer({ id: "later", kind: "k", delayMs: 2_000, data: { setting: "first" } });
  await queue.setTimer({ id: "later", kind: "k", delayMs: 2_500, data: { setting: "second" } });
  await queue.setTimer({ id: "earlier", kind: "k", delayMs: 60_000, data: { setting: "first" } });
  await queue.setTimer({ id: "earlier", kind: "k", delayMs: 100, data: { setting: "second" } });
  await timers.next("later");
  expect(timers.fired.map(({ id, data }) => [id, data.setting])).toEqual([
    ["earlier", "second"],
    ["later", "second"],
  ]);
});

test("a cancelled timer does not fire, and cancelling an unknown one is no error", async () => {
  const timers = collectTimers(queue);
  await queue.setTimer({ id: "cancelled", kind: "k", delayMs: 1_000, data: {} });
  await queue.cancelTimer("cancelled");
  await queue.cancelTimer("unknown");
  await queue.setTimer({ id: "witness", kind: "k", delayMs: 1_200, data: {} });
  await timers.next("witness");
  expect(timers.fired.map((timer) => timer.id)).toEqual(["witness"]);
});

test("a handler may set its own timer again", async () => {
  const rounds: string[] = [];
  const third = new Promise<void>((resolve) => {
    queue.onTimer(async ({ id, kind, data }) => {
      rounds.push(data.round ?? "");
      if (rounds.length === 3) resolve();
      else await queue.setTimer({ id, kind, delayMs: 20, data: { round: String(rounds.length + 1) } });
    });
  });
  await queue.setTimer({ id: "again", kind: "k", delayMs: 0, data: { round: "1" } });
  await third;
  expect(rounds).toEqual(["1", "2", "3"]);
});

test("a timer whose handler fails is tried again", async () => {
  let attempts = 0;
  const succeeded = new Promise<void>((resolve) => {
    queue.onTimer(async () => {
      attempts += 1;
      if (attempts < 3) throw new Error("not yet");
      resolve();
    });
  });
  await queue.setTimer({ id: "retried", kind: "k", delayMs: 0, data: {} });
  await succeeded;
  expect(attempts).toBe(3);
});

test("concurrent settings of one timer in two processes leave one timer", async () => {
  const other = await createQueue({ databaseUrl: postgres.url, logger });
  const timers = collectTimers(queue);
  const setting = (by: Queue, index: number): Promise<void> =>
    by.setTimer({ id: "shared", kind: "k", delayMs: 1_500, data: { index: String(index) } });
  await Promise.all(Array.from({ length: 6 }, (_, index) => setting(index % 2 === 0 ? queue : other, index)));
  await queue.setTimer({ id: "witness", kind: "k", delayMs: 1_700, data: {} });
  await timers.next("witness");
  expect(timers.fired.filter((timer) => timer.id === "shared")).toHaveLength(1);
  await other.close();
});

test("hints and timers survive a killed Postgres and work again without help", timed, async () => {
  const timers = collectTimers(queue);
  await queue.putHint(lane, "run_before");
  await queue.setTimer({ id: "across", kind: "k", delayMs: 1_500, data: {} });
  const back = restored();
  process.kill(postgres.processId(), "SIGKILL");
  await back;
  await expect.poll(() => queue.takeHint(lane).catch(() => "unavailable"), { timeout: 5_000 }).toBe("run_before");
  await queue.putHint(lane, "run_after");
  expect(await queue.takeHint(lane)).toBe("run_after");
  await timers.next("across");
  await queue.setTimer({ id: "afterwards", kind: "k", delayMs: 50, data: {} });
  const setAt = Date.now();
  expect((await timers.next("afterwards")).at - setAt).toBeLessThan(1_000);
});

test("a Postgres that no longer answers makes a hint be refused within 5 s, as temporary", async () => {
  collectTimers(queue);
  await queue.putHint(lane, "run_a");
  const sessions = await ask(
    "select string_agg(pid::text, ',') from pg_stat_activity where application_name in ('parallax-queue', 'timers')",
  );
  const back = restored();
  // Connections that stay open and say nothing are the hardest kind of outage.
  for (const pid of [...(sessions ?? "").split(",").map(Number), postgres.processId()]) process.kill(pid, "SIGSTOP");
  try {
    const askedAt = performance.now();
    await expect(queue.putHint(lane, "run_b")).rejects.toMatchObject({ code: "store_unavailable", retry: "later" });
    expect(performance.now() - askedAt).toBeLessThan(5_500);
  } finally {
    process.kill(postgres.processId(), "SIGKILL");
    await back;
  }
  await expect
    .poll(
      () =>
        queue.putHint(lane, "run_c").then(
          () => true,
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
});

test("a Postgres that is gone makes a hint be refused at once", async () => {
  await queue.putHint(lane, "run_a");
  await whilePostgresIsGone(async () => {
    const askedAt = performance.now();
    await expect(queue.putHint(lane, "run_b")).rejects.toMatchObject({ code: "store_unavailable" });
    expect(performance.now() - askedAt).toBeLessThan(1_000);
  });
});

test("close ends in time although Postgres is gone", async () => {
  collectTimers(queue);
  await queue.setTimer({ id: "pending", kind: "k", delayMs: 60_000, data: {} });
  await whilePostgresIsGone(async () => {
    const startedAt = performance.now();
    await queue.close();
    expect(performance.now() - startedAt).toBeLessThan(10_500);
  });
});

test("several coordinators that start together on an empty database all get their queue", async () => {
  await ask("drop schema bullmq cascade");
  const queues = await Promise.all(Array.from({ length: 4 }, () => createQueue({ databaseUrl: postgres.url, logger })));
  await queues[0]?.putHint(lane, "run_a");
  expect(await queues[3]?.takeHint(lane)).toBe("run_a");
  await Promise.all(queues.map((each) => each.close()));
});

test("a database that is not there is refused with a hint", async () => {
  const refusal = createQueue({ databaseUrl: "postgres://nobody:x@127.0.0.1:1/none", logger });
  await expect(refusal).rejects.toMatchObject({ code: "store_unavailable" });
  await expect(refusal).rejects.toHaveProperty("hint", expect.stringContaining("DATABASE_URL"));
});
