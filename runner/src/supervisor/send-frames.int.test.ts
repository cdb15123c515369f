import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@parallax/shared/clock";
import { ParallaxError } from "@parallax/shared/errors";
import { expect, test } from "vitest";
import { createHttpClient } from "../http/http-client.ts";
import { FakeCoordinator } from "../testing/fake-coordinator.ts";
import type { FakeRun } from "../testing/fake-run.ts";
import { makeSpec } from "../testing/make-spec.ts";
import { createAttemptClient } from "./attempt-client.ts";
import { createAttemptLog } from "./attempt-log.ts";
import { FrameSender } from "./send-frames.ts";
import { openSpool, type Spool } from "./spool/spool.ts";
import { createWakeUp } from "./wake-up.ts";

interface Bench extends AsyncDisposable {
  readonly coordinator: FakeCoordinator;
  readonly run: FakeRun;
  readonly spool: Spool;
  readonly sender: FrameSender;
  readonly over: string[];
  readonly renewals: () => number;
  readonly done: Promise<void>;
}

async function openBench(frameBatchCountMax = 500): Promise<Bench> {
  const coordinator = await FakeCoordinator.start({ renew_every_ms: 50 });
  const run = coordinator.enqueue();
  run.state = "running";
  run.hello({ incarnation: "inc_1", hostname: "here" });
  const dir = mkdtempSync(join(tmpdir(), "parallax-sender-"));
  const wakeUp = createWakeUp();
  const limits = { eventBytesMax: 10_000, outputBytesMax: 10_000_000 };
  const spool = await openSpool(join(dir, "frames.jsonl"), limits, {
    clock: systemClock,
    onAppend: wakeUp.wake,
    onDiskError: () => undefined,
    onDiskFull: () => Promise.resolve(),
  });
  const http = createHttpClient({});
  const over: string[] = [];
  let answers = 0;
  const sender = new FrameSender({
    clock: systemClock,
    log: createAttemptLog(2, {}, 0),
    client: createAttemptClient(http, makeSpec({ coordinatorUrl: coordinator.url, run: run.offer }), "inc_1"),
    spool,
    incarnation: "inc_1",
    wakeUp,
    renewEveryMs: () => 50,
    acknowledgements: { pending: () => [], told: () => undefined },
    onAnswer: () => {
      answers += 1;
    },
    onOver: (code) => over.push(code),
    limits: { frameBatchCountMax, frameBatchBytesMax: 100_000 },
  });
  const stop = new AbortController();
  const done = sender.run(stop.signal);
  return {
    coordinator,
    run,
    spool,
    sender,
    over,
    renewals: () => answers,
    done,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
      await spool.close();
      http.close();
      await coordinator.down();
      rmSync(dir, { recursive: true });
    },
  };
}

const say = (text: string) => ({ type: "output", data: { stream: "stdout", text } }) as const;
const isFrames = (body: unknown, longerThan: number): boolean =>
  (body as { frames: unknown[] }).frames.length > longerThan;
const gapFree = (run: FakeRun): boolean => run.frames.every(({ frame }, index) => frame === index + 1);

test("an idle attempt is renewed by empty batches", async () => {
  await using bench = await openBench();
  await bench.coordinator.until("renewals", () => bench.renewals() >= 3);
  expect(bench.run.frames).toEqual([]);
});

test("batches that a coordinator finds too large are sent smaller", async () => {
  await using bench = await openBench();
  bench.coordinator.intercept = ({ body }) =>
    isFrames(body, 3) ? new ParallaxError("body_too_large", "too large") : null;
  for (let index = 0; index < 20; index += 1) bench.spool.append(say(`line ${index}`));
  await bench.coordinator.until("all frames", () => bench.run.frames.length === 20);
  expect(gapFree(bench.run)).toBe(true);
});

test("a frame that nobody takes stops the log, not the lease", async () => {
  await using bench = await openBench();
  bench.coordinator.intercept = ({ body }) =>
    JSON.stringify(body).includes("poisoned") ? new ParallaxError("invalid_request", "no") : null;
  bench.spool.append(say("fine"));
  bench.spool.append(say("poisoned"));
  await bench.coordinator.until("the first frame", () => bench.run.frames.length === 1);
  const before = bench.renewals();
  await bench.coordinator.until("renewals go on", () => bench.renewals() > before + 3);
  expect(bench.over).toEqual([]);
});

test("a coordinator that has fewer frames than it had acknowledged gets them again", async () => {
  await using bench = await openBench(2);
  for (let index = 0; index < 6; index += 1) bench.spool.append(say(`line ${index}`));
  await bench.coordinator.until("all frames", () => bench.run.frames.length === 6);
  bench.run.frames.splice(3);
  bench.spool.append(say("one more"));
  await bench.coordinator.until("all frames again", () => bench.run.frames.length === 7);
  expect(gapFree(bench.run)).toBe(true);
});

test("frames are sent once more after a lost answer, and kept once", async () => {
  await using bench = await openBench();
  let lost = 2;
  bench.coordinator.intercept = ({ body }) => (isFrames(body, 0) && lost-- > 0 ? "drop_answer" : null);
  bench.spool.append(say("a"));
  bench.spool.append(say("b"));
  await bench.sender.flushed(5_000);
  expect(bench.spool.allAcknowledged).toBe(true);
  expect(bench.run.frames.map(({ data }) => data["text"])).toEqual(["a", "b"]);
});

test("hearing that the attempt is over ends the sending at once", async () => {
  await using bench = await openBench();
  bench.run.refusal = "lease_token_invalid";
  await bench.done;
  expect(bench.over).toEqual(["lease_token_invalid"]);
});

test("after the end only what is left is sent", async () => {
  await using bench = await openBench(2);
  for (let index = 0; index < 9; index += 1) bench.spool.append(say(`line ${index}`));
  await bench.spool.seal();
  bench.sender.finish();
  await bench.done;
  expect(bench.run.frames).toHaveLength(9);
});
