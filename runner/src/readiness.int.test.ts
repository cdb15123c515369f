/** A runner that cannot do a run's work now takes none, says why, and goes on by itself; a disk that fills up meanwhile ends a run with its reason. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { readSpecs } from "./testing/find-supervisors.ts";
import { gatedScript, said, script } from "./testing/script.ts";
import { canMountDisk, mountSmallDisk } from "./testing/small-disk.ts";
import { openBench, type RunnerBench } from "./testing/start-runner.ts";
import { until } from "./testing/until.ts";

const probe = mkdtempSync(join(tmpdir(), "parallax-probe-"));
const canMount = canMountDisk(probe);
rmSync(probe, { recursive: true });

interface Beat {
  readonly ready: boolean;
  readonly not_ready_reason?: string;
}

const lastBeat = (bench: RunnerBench): Beat | undefined =>
  bench.coordinator.calls.findLast(({ path }) => path === "/runner/heartbeat")?.body as Beat | undefined;
const lastPoll = (bench: RunnerBench): string | undefined =>
  bench.coordinator.calls.findLast(({ path }) => path === "/runner/runs")?.query["free_slots"];

test("a runner whose disk has too little room asks for no run and says why", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  bench.startRunner(["--min-free-disk", "900000000"]);
  await bench.coordinator.until("it says why", () => lastBeat(bench)?.ready === false);
  expect(lastBeat(bench)?.not_ready_reason).toMatch(/MiB are free on the disk of the state directory, 900000000 MiB/);
  await bench.coordinator.until("it polls", () => lastPoll(bench) !== undefined);
  expect(lastPoll(bench)).toBe("0");
  expect(run.state).toBe("pending");
});

test.skipIf(!canMount)(
  "a runner whose disk was full takes runs again when there is room, and finishes what it had",
  async () => {
    await using bench = await openBench();
    using disk = mountSmallDisk(bench.dir, 64);
    const gated = gatedScript(bench.dir);
    const first = bench.coordinator.enqueue({ prompt: gated.prompt });
    bench.startRunner(["--state-dir", join(disk.path, "state"), "--min-free-disk", "24"]);
    await bench.coordinator.until("the first works", () => said(first.frames, "working"));
    const filler = join(disk.path, "filler");
    writeFileSync(filler, Buffer.alloc(48 * 1024 * 1024));
    await bench.coordinator.until("it is not ready", () => lastBeat(bench)?.ready === false);
    const second = bench.coordinator.enqueue({ prompt: "hello" });
    gated.release();
    await bench.coordinator.until("the first completes", () => first.completions.length > 0);
    expect(first.completions[0]).toMatchObject({ outcome: "completed" });
    expect(second.completions).toEqual([]);
    rmSync(filler);
    await bench.coordinator.until("the second completes", () => second.completions.length > 0);
    expect(lastBeat(bench)?.ready).toBe(true);
  },
);

test("a runner whose agent CLI is gone takes no runs until it is back", async () => {
  await using bench = await openBench();
  const bin = join(bench.dir, "bin");
  mkdirSync(bin);
  const claude = join(bin, "claude");
  const install = (): void => {
    writeFileSync(claude, "#!/bin/sh\necho '99.0.0 (Claude Code)'\n");
    chmodSync(claude, 0o755);
  };
  install();
  bench.startRunner(["-x", "claude-code"], { PATH: `${bin}:${process.env["PATH"]}` });
  await bench.coordinator.until("it is ready", () => lastBeat(bench)?.ready === true);
  rmSync(claude);
  await bench.coordinator.until("it is not ready", () => lastBeat(bench)?.ready === false);
  expect(lastBeat(bench)?.not_ready_reason).toContain("claude-code");
  install();
  await bench.coordinator.until("it is ready again", () => lastBeat(bench)?.ready === true);
});

test.skipIf(!canMount)(
  "a disk that fills up ends the run as disk_full: its end is told, its log has no gap, and the runner takes no more",
  async () => {
    await using bench = await openBench();
    using disk = mountSmallDisk(bench.dir, 24);
    const stateDir = join(disk.path, "state");
    const run = bench.coordinator.enqueue({
      prompt: script({ say: "working" }, { output_bytes: 60_000_000 }, { wait_for_file: join(bench.dir, "never") }),
    });
    const runner = bench.startRunner(["--state-dir", stateDir, "--min-free-disk", "10"]);
    await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
    const marker = readSpecs(stateDir)[0]?.marker ?? "";
    await bench.coordinator.until("a completion", () => run.completions.length > 0, 40_000);
    const [completion] = run.completions;
    expect(completion, runner.output()).toMatchObject({ outcome: "infra_error", error: { code: "disk_full" } });
    expect(completion?.error?.hint).toContain("--state-dir");
    expect(listMarked(marker)).toEqual([]);
    await bench.coordinator.until("the whole log", () => run.frames.length === completion?.last_frame);
    expect(run.frames.map(({ frame }) => frame)).toEqual(run.frames.map((_, index) => index + 1));
    const last = run.frames
      .slice(-2)
      .map(({ type, data }) => [type, data["code"] ?? Number(data["dropped_events"]) > 0]);
    expect(last).toEqual([
      ["error", "disk_full"],
      ["output_truncated", true],
    ]);
    await until("nothing is left", () => readdirSync(join(stateDir, "attempts")).length === 0);
    expect(run.lost).toEqual([]);
  },
);

test("of several agent CLIs only the one that is gone is left out, and served again when it is back", async () => {
  await using bench = await openBench();
  const bin = join(bench.dir, "bin");
  mkdirSync(bin);
  const install = (): void =>
    writeFileSync(join(bin, "claude"), "#!/bin/sh\necho '99.0.0 (Claude Code)'\n", { mode: 0o755 });
  install();
  const served = (): string[] => {
    const last = bench.coordinator.calls.findLast(({ path }) => path === "/runner/register");
    return Object.keys((last?.body as { executors?: object } | undefined)?.executors ?? {}).toSorted();
  };
  bench.startRunner(["-x", ""], { PATH: `${bin}:${process.env["PATH"]}` });
  await bench.coordinator.until("both are served", () => served().join() === "claude-code,test");
  rmSync(join(bin, "claude"));
  await bench.coordinator.until("one is left", () => served().join() === "test");
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  await bench.coordinator.until("it takes runs", () => run.completions.length > 0);
  install();
  await bench.coordinator.until("both are served again", () => served().join() === "claude-code,test");
});
