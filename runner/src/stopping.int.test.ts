import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { findSupervisors, readSpecs } from "./testing/find-supervisors.ts";
import { gatedScript, said, script } from "./testing/script.ts";
import { openBench, type RunnerBench } from "./testing/start-runner.ts";
import { until } from "./testing/until.ts";

const QUICK = { PARALLAX_SUPERVISOR_LIMITS: '{"stopInterruptGraceMs":400,"stopTermGraceMs":400,"resultGraceMs":400}' };
const attemptDirs = (bench: RunnerBench): string[] => readdirSync(join(bench.stateDir, "attempts"));

test("a stop ends an agent in its own way first, and is told as stopped", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  run.stop = { reason: "not needed any more" };
  bench.coordinator.changed();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({
    outcome: "stopped",
    error: { code: "stopped", message: "not needed any more" },
  });
  expect(run.completions[0]?.exit).toMatchObject({ signal: null });
});

test("an agent that ignores everything is killed after its graces, with all that it started", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({
    prompt: script(
      { fork: { kind: "setsid", command_seconds: 600 } },
      { ignore_signals: true },
      { say: "working" },
      { hang: true },
    ),
  });
  bench.startRunner([], QUICK);
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = readSpecs(bench.stateDir)[0]?.marker ?? "";
  let aliveAtCompletion = -1;
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/completed")) aliveAtCompletion = listMarked(marker).length;
    return null;
  };
  run.directives.push({ seq: 1, kind: "stop", reason: "enough", item_id: null });
  bench.coordinator.changed();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome: "stopped", exit: { signal: "SIGKILL" } });
  expect(aliveAtCompletion).toBe(0);
  expect(run.acknowledged).toContain(1);
});

test("an interrupt ends the turn and keeps the session", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  run.directives.push({ seq: 1, kind: "interrupt", reason: "a person said so", item_id: null });
  bench.coordinator.changed();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome: "interrupted", error: null });
});

test.each([
  ["timeout", { timeout_seconds: 1 }, script({ say: "working" }, { hang: true })],
  ["idle_timeout", { idle_timeout_seconds: 1 }, script({ say: "working" }, { hang: true })],
] as const)("a run that misses its own deadline ends as %s", async (outcome, resources, prompt) => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt, resources });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome, error: { code: outcome } });
});

test("an agent that lives on after its result is ended, and the run has completed", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "finished" }, { hang_after_result: true }) });
  bench.startRunner([], QUICK);
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({
    outcome: "completed",
    result_text: "finished",
    exit: { signal: "SIGKILL" },
  });
});

test("the first signal lets the runs finish, keeps the heartbeat and then signs off", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  const runner = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  runner.signal("SIGTERM");
  await until("it drains", () => runner.output().includes("Taking no more runs"));
  const next = bench.coordinator.enqueue({ prompt: "hello" });
  const notReady = (): boolean =>
    bench.coordinator.calls.some(
      ({ path, body }) => path === "/runner/heartbeat" && (body as { ready?: boolean }).ready === false,
    );
  await bench.coordinator.until("a heartbeat says so", notReady);
  gated.release();
  expect(await runner.exited()).toBe(0);
  expect(run.completions[0]).toMatchObject({ outcome: "completed" });
  expect(next.state).toBe("pending");
  expect(bench.coordinator.summary().at(-1)).toBe("DELETE /runners/:runner");
});

test("the second signal stops the runs", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  const runner = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  runner.signal("SIGINT");
  await until("it drains", () => runner.output().includes("Taking no more runs"));
  runner.signal("SIGINT");
  expect(await runner.exited()).toBe(0);
  expect(run.completions[0]).toMatchObject({ outcome: "stopped" });
});

test("the third signal leaves the runs to their supervisors", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({
    prompt: script(
      { say: "working" },
      { ignore_signals: true },
      { wait_for_file: join(bench.dir, "gate") },
      { say: "done" },
    ),
  });
  const runner = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  runner.signal("SIGINT");
  await until("it drains", () => runner.output().includes("Taking no more runs"));
  runner.signal("SIGINT");
  await until("it stops the runs", () => runner.output().includes("Stopping the runs"));
  runner.signal("SIGINT");
  await runner.exited();
  expect(findSupervisors(bench.stateDir)).toHaveLength(1);
  expect(bench.coordinator.summary()).not.toContain("DELETE /runners/:runner");
  gated.release();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test("a drain that takes too long leaves the runs to their supervisors", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  const runner = bench.startRunner(["--drain-timeout", "0.3"]);
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  runner.signal("SIGTERM");
  expect(await runner.exited()).toBe(0);
  expect(run.completions).toEqual([]);
  gated.release();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  await until("nothing is left", () => attemptDirs(bench).length === 0);
});
