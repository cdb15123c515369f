import { expect, test } from "vitest";
import type { ControlLink } from "../attempts/control-link.ts";
import type { LeaseReport } from "../attempts/control-protocol.ts";
import { SilenceJudge } from "./judge-silence.ts";

const LINK: ControlLink = { send: () => undefined, ended: new Promise(() => undefined), close: () => undefined };
const LEASE: LeaseReport = { renewedAgoMs: 0, freezeAfterMs: 60_000, ttlMs: 90_000 };

function watched(heardAtMs: number | null, lease: LeaseReport = LEASE) {
  const status = { pid: 1, phase: "supervised", tree: "alive", lease, leftBecause: null } as const;
  return { link: LINK, linkedAtMs: 0, heard: heardAtMs === null ? null : { status, atMs: heardAtMs } };
}

/** When it is ended, looked at from `fromMs` on, in the given steps. */
function endedAtMs(one: ReturnType<typeof watched>, fromMs: number, stepsMs: readonly number[]): number | null {
  const judge = new SilenceJudge<ReturnType<typeof watched>>(fromMs);
  let now = fromMs;
  for (let index = 0; index < 200; index += 1) {
    now += stepsMs[index % stepsMs.length] ?? 0;
    if (judge.look([one], now).length > 0) return now;
  }
  return null;
}

test("a supervisor that says nothing is ended after its tree had to be frozen and well before its lease is over", () => {
  const ended = endedAtMs(watched(1_000), 0, [1_000]) ?? Number.NaN;
  expect(ended).toBeGreaterThan(61_000);
  expect(ended).toBeLessThan(70_000);
});

test("one that spoke after its tree had to be frozen is left alone: it has frozen it", () => {
  expect(endedAtMs(watched(1_000, { ...LEASE, renewedAgoMs: 60_001 }), 0, [1_000])).toBeNull();
});

test("one that never spoke is ended soon after it was connected to", () => {
  expect(endedAtMs(watched(null), 0, [1_000])).toBeLessThan(20_000);
});

test("a lease that is nearly over leaves less time, but no single look decides", () => {
  const short = { renewedAgoMs: 0, freezeAfterMs: 60_000, ttlMs: 64_000 };
  expect(endedAtMs(watched(0, short), 59_000, [1_000])).toBe(63_000);
});

test("a runner that stood still itself blames nobody at its first looks", () => {
  const judge = new SilenceJudge<ReturnType<typeof watched>>(0);
  const silent = watched(0);
  expect(judge.look([silent], 600_000)).toEqual([]);
  expect(judge.look([watched(600_100)], 601_000)).toEqual([]);
});

test("a runner that stands still again and again ends a silent supervisor all the same, before the lease is over", () => {
  expect(endedAtMs(watched(0), 60_000, [4_000])).toBeLessThan(90_000);
});
