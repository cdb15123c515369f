/**
 * A host that stands still as a whole cannot be fenced while it does: nobody of it is scheduled. What is promised is its wake-up: the
 * clock is looked at before anything else. Whose turn comes first is the kernel's choice; a supervisor that wakes before its tree
 * lets nothing happen, one that wakes with it freezes it within a moment.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { findSupervisors, readSpecs } from "./testing/find-supervisors.ts";
import { canPauseMachine, type PausedMachine, pauseMachine } from "./testing/pause-machine.ts";
import { script } from "./testing/script.ts";
import { openBench, type RunnerBench } from "./testing/start-runner.ts";
import { until } from "./testing/until.ts";

const LEASE = { freeze_after_ms: 1_500, lease_ttl_ms: 3_000, renew_every_ms: 300 };
const LONGER_THAN_THE_LEASE_MS = 3_500;
/** On a busy machine of two processors; a few milliseconds on a quiet one. */
const MOMENT_MS = 1_000;

/** A run that writes the time into a ledger, every few milliseconds, for as long as it is let. */
async function startWriter(bench: RunnerBench) {
  const file = join(bench.dir, "ledger");
  const write = { repeat: { times: 100_000, steps: [{ append: { file, line: "${time}" } }, { wait_ms: 5 }] } };
  const run = bench.coordinator.enqueue({ prompt: script(write) });
  writeFileSync(file, "");
  const runner = bench.startRunner();
  const times = (): number[] => readFileSync(file, "utf8").trimEnd().split("\n").map(Number);
  await bench.coordinator.until("a renewal", () => run.incarnation !== null);
  const [spec] = readSpecs(bench.stateDir);
  const marker = spec?.marker ?? "";
  await until("it writes", () => listMarked(marker).length > 0 && times().length > 10);
  const tree = (): number[] => listMarked(marker).map(({ pid }) => pid);
  const everybody = (): number[] => [...tree(), ...findSupervisors(bench.stateDir), runner.child.pid ?? 0];
  return { run, marker, times, tree, everybody };
}

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) process.kill(pid, signal);
};

test("a supervisor that wakes before its tree, after its attempt was given away, ends it before it has moved", async () => {
  await using bench = await openBench(LEASE);
  const { run, times, tree, everybody, marker } = await startWriter(bench);
  const treePids = tree();
  const others = everybody().filter((pid) => !treePids.includes(pid));
  signalAll(treePids, "SIGSTOP");
  signalAll(others, "SIGSTOP");
  const before = times().length;
  await sleep(LONGER_THAN_THE_LEASE_MS);
  run.refusal = "attempt_superseded";
  signalAll(others, "SIGCONT");
  await until("the tree is gone", () => listMarked(marker).length === 0);
  expect(times()).toHaveLength(before);
});

test.skipIf(!canPauseMachine())(
  "after a machine slept longer than the lease, the tree stands still within a moment, and ends when the attempt was given away",
  async () => {
    await using bench = await openBench(LEASE);
    const { run, times, everybody, marker } = await startWriter(bench);
    await using machine: PausedMachine = pauseMachine(bench.name, everybody());
    await sleep(LONGER_THAN_THE_LEASE_MS);
    run.refusal = "attempt_superseded";
    const before = times().length;
    const wokenAt = Date.now();
    machine.wake();
    await until("the tree is gone", () => listMarked(marker).length === 0);
    const after = times().slice(before);
    expect(after.every((time) => time - wokenAt < MOMENT_MS)).toBe(true);
  },
);

test.skipIf(!canPauseMachine())(
  "after a machine slept longer than the lease, the tree waits for the coordinator's word, and goes on when the attempt is still its own",
  async () => {
    await using bench = await openBench(LEASE);
    const { run, times, everybody } = await startWriter(bench);
    await using machine: PausedMachine = pauseMachine(bench.name, everybody());
    await bench.coordinator.down();
    await sleep(LONGER_THAN_THE_LEASE_MS);
    const wokenAt = Date.now();
    machine.wake();
    await sleep(2 * MOMENT_MS);
    const asleep = times().length;
    expect((times().at(-1) ?? 0) - wokenAt).toBeLessThan(MOMENT_MS);
    await bench.coordinator.up();
    await until("it goes on", () => times().length > asleep + 10);
    expect(run.lost).toEqual([]);
  },
);
