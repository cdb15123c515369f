import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openSweeps } from "./sweeps.ts";

const logger = pino({ level: "silent" });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a sweep runs once per interval, spread by the jitter", async () => {
  const sweeps = openSweeps(logger, () => 1);
  let runs = 0;
  sweeps.every("counting", 1_000, async () => {
    runs += 1;
  });
  await vi.advanceTimersByTimeAsync(1_099);
  expect(runs).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(1_100);
  expect(runs).toBe(2);
  await sweeps.close();
});

test("a sweep that takes longer than its interval never meets itself", async () => {
  const sweeps = openSweeps(logger, () => 0.5);
  let running = 0;
  let most = 0;
  sweeps.every("slow", 100, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    running -= 1;
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(most).toBe(1);
  const closed = sweeps.close();
  await vi.advanceTimersByTimeAsync(1_000);
  await closed;
});

test("a sweep that fails goes on", async () => {
  const sweeps = openSweeps(logger, () => 0.5);
  let runs = 0;
  sweeps.every("failing", 100, async () => {
    runs += 1;
    throw new Error("nothing works");
  });
  await vi.advanceTimersByTimeAsync(350);
  expect(runs).toBe(3);
  await sweeps.close();
});

test("close waits for the running sweep and starts no other", async () => {
  const sweeps = openSweeps(logger, () => 0.5);
  const events: string[] = [];
  sweeps.every("last", 100, async () => {
    events.push("started");
    await new Promise((resolve) => setTimeout(resolve, 500));
    events.push("ended");
  });
  await vi.advanceTimersByTimeAsync(100);
  const closed = sweeps.close().then(() => events.push("closed"));
  await vi.advanceTimersByTimeAsync(10_000);
  await closed;
  expect(events).toEqual(["started", "ended", "closed"]);
});
