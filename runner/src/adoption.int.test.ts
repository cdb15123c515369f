import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { findSupervisors, readSpecs } from "./testing/find-supervisors.ts";
import { gatedScript, said, script } from "./testing/script.ts";
import { openBench } from "./testing/start-runner.ts";
import { until } from "./testing/until.ts";

test("a runner that is killed is replaced by one that goes on with the same supervisor", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  const first = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const incarnation = run.incarnation;
  await first.crash();

  const second = bench.startRunner();
  await until("the supervisor is adopted", () => second.output().includes("Adopted run"));
  gated.release();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.incarnation).toBe(incarnation);
  expect(run.lost).toEqual([]);
  expect(run.completions[0]).toMatchObject({ outcome: "completed", result_text: "done" });
  const registrations = bench.coordinator.calls
    .filter(({ path }) => path === "/runner/register")
    .map(({ body }) => body);
  const [before, after] = registrations as { runner_id: string; instance_id: string }[];
  expect(after?.runner_id).toBe(before?.runner_id);
  expect(after?.instance_id).not.toBe(before?.instance_id);
  await until("nothing is left", () => readdirSync(join(bench.stateDir, "attempts")).length === 0);
});

test("the loss of a killed supervisor is reported within three seconds, after its tree is gone", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({
    prompt: JSON.stringify({
      steps: [{ fork: { kind: "double", command_seconds: 600 } }, { say: "working" }, { hang: true }],
    }),
  });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const [spec] = readSpecs(bench.stateDir);
  const marker = spec?.marker ?? "";
  expect(listMarked(marker).length).toBeGreaterThan(0);
  let aliveAtReport = -1;
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/lost")) aliveAtReport = listMarked(marker).length;
    return null;
  };
  for (const pid of findSupervisors(bench.stateDir)) process.kill(pid, "SIGKILL");
  await bench.coordinator.until("the loss is reported", () => run.lost.length > 0, 3_000);
  expect(aliveAtReport).toBe(0);
  expect(run.completions).toEqual([]);
  await until("nothing is left", () => readdirSync(join(bench.stateDir, "attempts")).length === 0);
});

test("a supervisor that died while no runner was there is reported by the next one", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  const first = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  await first.crash();
  for (const pid of findSupervisors(bench.stateDir)) process.kill(pid, "SIGKILL");
  bench.startRunner();
  await bench.coordinator.until("the loss is reported", () => run.lost.length > 0);
});

test("a completion that a dead supervisor had written is delivered, not lost", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  await bench.coordinator.down();
  gated.release();
  const [attempt = ""] = readdirSync(join(bench.stateDir, "attempts"));
  const completion = join(bench.stateDir, "attempts", attempt, "completion.json");
  await until("the completion is on disk", () => existsSync(completion));
  const written: unknown = JSON.parse(readFileSync(completion, "utf8"));
  for (const pid of findSupervisors(bench.stateDir)) process.kill(pid, "SIGKILL");
  await bench.coordinator.up();
  await bench.coordinator.until("the completion", () => run.completions.length > 0);
  expect(run.completions[0]).toEqual(written);
  expect(run.lost).toEqual([]);
  await bench.coordinator.until("the rest of the log", () => said(run.frames, "done"));
});

test("runs under load survive restarts and upgrades of their runner: each completes once, by the supervisor that began it", async () => {
  await using bench = await openBench();
  const steps = [{ say: "working" }, { wait_ms: 300 }, { say: "done" }];
  const runs = Array.from({ length: 16 }, () => bench.coordinator.enqueue({ prompt: script(...steps) }));
  const done = (): number => runs.filter(({ completions }) => completions.length > 0).length;
  const hellos = (id: string): Set<unknown> =>
    new Set(
      bench.coordinator.calls
        .filter(({ path }) => path.includes(id) && path.endsWith("/hello"))
        .map(({ body }) => (body as { incarnation: string }).incarnation),
    );
  for (const [index, signal] of (["SIGKILL", "SIGTERM", "SIGKILL"] as const).entries()) {
    // A drain that does not wait is what an upgrade does.
    const runner = bench.startRunner(["--slots", "4", "--drain-timeout", "0.01"]);
    await bench.coordinator.until("some are done", () => done() >= 3 * (index + 1), 60_000);
    runner.signal(signal);
    await runner.exited();
    // An offer that it had not started lapses, as at any coordinator.
    for (const run of runs) if (run.state === "claimed") run.requeue();
  }
  bench.startRunner(["--slots", "4"]);
  await bench.coordinator.until("all are done", () => done() === runs.length, 60_000);
  expect(runs.map(({ completions }) => completions.length)).toEqual(runs.map(() => 1));
  expect(runs.flatMap(({ lost }) => lost)).toEqual([]);
  expect(runs.map(({ id }) => hellos(id).size)).toEqual(runs.map(() => 1));
});

test("a run that was written down but not yet started is started by the next process", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  bench.coordinator.intercept = ({ path }) => (path.endsWith("/started") ? "drop_answer" : null);
  const first = bench.startRunner();
  await bench.coordinator.until("started arrived", () => run.state === "running");
  await first.crash();
  expect(run.incarnation).toBeNull();
  bench.coordinator.intercept = null;
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome: "completed" });
  expect(run.lost).toEqual([]);
});

test("a second runner on the same state directory is refused", async () => {
  await using bench = await openBench();
  bench.startRunner();
  await bench.coordinator.until("it polls", () => bench.coordinator.calls.some(({ path }) => path === "/runner/runs"));
  const second = bench.startRunner();
  expect(await second.exited()).toBe(1);
  expect(second.output()).toContain("state_dir_in_use");
});
