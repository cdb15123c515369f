import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StopCause } from "./stop-agent.ts";
import { type Deadlines, watchDeadlines } from "./watch-deadlines.ts";

let nowMs = 0;
const missed: StopCause[] = [];
let deadlines: Deadlines | null = null;
const watch = (timeoutSeconds: number | null, idleTimeoutSeconds: number | null): Deadlines => {
  deadlines = watchDeadlines({ monotonic: () => nowMs }, { timeoutSeconds, idleTimeoutSeconds }, (cause) =>
    missed.push(cause),
  );
  return deadlines;
};
/** Lets time pass and the watch look. */
function pass(seconds: number): void {
  nowMs += seconds * 1000;
  vi.advanceTimersByTime(seconds * 1000);
}

beforeEach(() => {
  vi.useFakeTimers();
  nowMs = 0;
  missed.length = 0;
});
afterEach(() => {
  deadlines?.close();
  vi.useRealTimers();
});

test("misses the wall time whatever the agent says", () => {
  const watched = watch(10, null);
  for (let second = 0; second < 9; second += 1) {
    pass(1);
    watched.touched();
  }
  expect(missed).toEqual([]);
  pass(1);
  expect(missed[0]).toEqual({ kind: "timeout", reason: "ran longer than 10 s" });
});

test("misses the silence from the last word on", () => {
  const watched = watch(null, 5);
  pass(4);
  watched.touched();
  pass(4);
  expect(missed).toEqual([]);
  pass(1);
  expect(missed[0]?.kind).toBe("idle_timeout");
});

test("does not count the time in which the agent was frozen", () => {
  const watched = watch(10, 5);
  pass(3);
  watched.paused();
  pass(600);
  expect(missed).toEqual([]);
  watched.resumed();
  pass(1);
  expect(missed).toEqual([]);
  pass(1);
  expect(missed[0]?.kind).toBe("idle_timeout");
});

test("counts several freezes, also across words of the agent", () => {
  const watched = watch(10, null);
  for (let round = 0; round < 4; round += 1) {
    pass(2);
    watched.touched();
    watched.paused();
    pass(100);
    watched.resumed();
  }
  expect(missed).toEqual([]);
  pass(2);
  expect(missed[0]?.kind).toBe("timeout");
});
