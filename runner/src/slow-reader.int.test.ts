/** Whatever an agent writes, and however long its adapter takes over it: the lease is renewed, and the tree can be frozen and ended. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import type { FakeRun } from "./testing/fake-run.ts";
import { readSpecs } from "./testing/find-supervisors.ts";
import { said, script } from "./testing/script.ts";
import { openBench, type RunnerBench } from "./testing/start-runner.ts";
import { statesOf } from "./testing/tree-states.ts";
import { until } from "./testing/until.ts";

const LEASE = { freeze_after_ms: 2_000, renew_every_ms: 300 };
const HOUR_MS = 3_600_000;
const markerOf = (bench: RunnerBench): string => readSpecs(bench.stateDir)[0]?.marker ?? "";

/** A run whose agent, when told to, writes the line that its reader never gets done with. */
function enqueueBusyRun(bench: RunnerBench): { readonly run: FakeRun; keepBusy(): Promise<void> } {
  const [gate, written] = [join(bench.dir, "gate"), join(bench.dir, "written")];
  const busy = [{ busy_reader_ms: HOUR_MS }, { touch: written }, { hang: true }];
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { wait_for_file: gate }, ...busy) });
  return {
    run,
    keepBusy: async () => {
      writeFileSync(gate, "");
      await until("the line is written", () => existsSync(written));
    },
  };
}

/** Times at which the coordinator heard from the attempt. */
function hearRenewals(bench: RunnerBench): number[] {
  const times: number[] = [];
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/events")) times.push(performance.now());
    return null;
  };
  return times;
}

function longestGapMs(times: readonly number[]): number {
  return times.reduce((longest, time, index) => Math.max(longest, time - (times[index - 1] ?? time)), 0);
}

test("a reader that is busy for twenty seconds costs no renewal, and the run goes on after it", async () => {
  await using bench = await openBench(LEASE);
  const renewals = hearRenewals(bench);
  const run = bench.coordinator.enqueue({
    prompt: script({ say: "working" }, { busy_reader_ms: 20_000 }, { say: "read at last" }),
  });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0, 50_000);
  expect(run.completions[0]).toMatchObject({ outcome: "completed", result_text: "read at last" });
  expect(run.completions[0]?.exit?.duration_ms).toBeLessThan(15_000);
  expect(renewals.length).toBeGreaterThan(30);
  expect(longestGapMs(renewals)).toBeLessThan(LEASE.freeze_after_ms);
  expect(run.frames.some(({ data }) => data["status"] === "frozen")).toBe(false);
});

test("an agent that floods its output is read at its reader's pace and costs no renewal", async () => {
  await using bench = await openBench(LEASE);
  const renewals = hearRenewals(bench);
  const run = bench.coordinator.enqueue({ prompt: script({ output_bytes: 60_000_000 }, { say: "done" }) });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0, 50_000);
  expect(run.completions[0]).toMatchObject({ outcome: "completed" });
  expect(longestGapMs(renewals)).toBeLessThan(LEASE.freeze_after_ms);
  expect(run.completions[0]?.log_bytes).toBeGreaterThan(60_000_000);
});

test("a tree whose reader is busy is frozen when its supervisor is cut off, and thawed when the attempt is still its own", async () => {
  await using bench = await openBench(LEASE);
  const { run, keepBusy } = enqueueBusyRun(bench);
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  await keepBusy();
  const marker = markerOf(bench);
  await bench.coordinator.down();
  await until("the tree is frozen", () => statesOf(marker).includes("T"));
  await bench.coordinator.up();
  await until("the tree goes on", () => !statesOf(marker).includes("T"));
});

test("a run whose reader is busy for ever can be stopped", async () => {
  await using bench = await openBench(LEASE);
  const { run, keepBusy } = enqueueBusyRun(bench);
  bench.startRunner([], { PARALLAX_SUPERVISOR_LIMITS: '{"stopInterruptGraceMs":300,"stopTermGraceMs":300}' });
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  await keepBusy();
  const marker = markerOf(bench);
  run.stop = { reason: "enough" };
  bench.coordinator.changed();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome: "stopped" });
  expect(listMarked(marker)).toEqual([]);
});
