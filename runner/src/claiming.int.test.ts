import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { expect, test } from "vitest";
import { gatedScript, said, script } from "./testing/script.ts";
import { openBench } from "./testing/start-runner.ts";
import { until } from "./testing/until.ts";

test("a poll whose answer was lost is repeated under the same id, and the run is started once", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  let lost = 2;
  bench.coordinator.intercept = ({ path }) => (path === "/runner/runs" && lost-- > 0 ? "drop_answer" : null);
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  const polls = bench.coordinator.calls
    .filter(({ path }) => path === "/runner/runs")
    .map(({ query }) => query["poll_id"]);
  expect(new Set(polls.slice(0, 3)).size).toBe(1);
  expect(polls[3]).not.toBe(polls[0]);
  expect(bench.coordinator.summary().filter((call) => call.endsWith("/hello"))).toHaveLength(1);
});

test("an offer beyond the slots is given back at once, does not harm the run that is there, and is taken when there is room", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  bench.coordinator.overOffer = true;
  const first = bench.coordinator.enqueue({ prompt: gated.prompt });
  const second = bench.coordinator.enqueue({ prompt: "hello" });
  bench.startRunner(["--slots", "1"]);
  await bench.coordinator.until("the second is given back", () => second.lost.length > 0);
  expect(second.lost).toEqual(["all 1 slots of the runner are taken"]);
  await bench.coordinator.until("the first works", () => said(first.frames, "working"));
  expect(readdirSync(join(bench.stateDir, "attempts"))).toEqual([`${first.id}-1`]);
  gated.release();
  await bench.coordinator.until("the first completes", () => first.completions.length > 0);
  expect(first.completions[0]).toMatchObject({ outcome: "completed" });
  expect(first.lost).toEqual([]);
  await bench.coordinator.until("the second completes", () => second.completions.length > 0);
  expect(second.offer.attempt).toBe(2);
});

test("runs side by side do not touch each other: one is stopped while the next one starts in its slot", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const working = script({ say: "working" }, { ignore_signals: true }, { hang: true });
  const stopped = bench.coordinator.enqueue({ prompt: working });
  const lasting = bench.coordinator.enqueue({ prompt: gated.prompt });
  const next = bench.coordinator.enqueue({ prompt: gated.prompt });
  bench.startRunner(["--slots", "2"], {
    PARALLAX_SUPERVISOR_LIMITS: '{"stopInterruptGraceMs":100,"stopTermGraceMs":100}',
  });
  await bench.coordinator.until("two work", () => [stopped, lasting].every(({ frames }) => said(frames, "working")));
  stopped.stop = { reason: "enough" };
  bench.coordinator.changed();
  await bench.coordinator.until("the next works", () => said(next.frames, "working"));
  expect(stopped.completions[0]).toMatchObject({ outcome: "stopped" });
  expect(readdirSync(join(bench.stateDir, "attempts"))).toEqual(
    expect.arrayContaining([`${lasting.id}-1`, `${next.id}-1`]),
  );
  gated.release();
  await bench.coordinator.until("both complete", () =>
    [lasting, next].every(({ completions }) => completions.length > 0),
  );
  expect([lasting, next].map(({ completions }) => completions[0]?.outcome)).toEqual(["completed", "completed"]);
});

test("as many runs as there are slots go at once", async () => {
  await using bench = await openBench();
  const meet = (mine: string, others: string): string =>
    script({ touch: join(bench.dir, mine) }, { wait_for_file: join(bench.dir, others) }, { say: "met" });
  const runs = [
    bench.coordinator.enqueue({ prompt: meet("a", "b") }),
    bench.coordinator.enqueue({ prompt: meet("b", "a") }),
  ];
  bench.startRunner(["--slots", "2"]);
  await bench.coordinator.until("both complete", () => runs.every((run) => run.completions.length > 0));
});

test("an offer whose start is refused is dropped, and the next one runs", async () => {
  await using bench = await openBench();
  const lapsed = bench.coordinator.enqueue({ prompt: "hello" });
  lapsed.refusal = "offer_lapsed";
  bench.startRunner();
  await bench.coordinator.until("the start is refused", () =>
    bench.coordinator.summary().some((call) => call.endsWith("/started")),
  );
  const next = bench.coordinator.enqueue({ prompt: "hello" });
  await bench.coordinator.until("the next completes", () => next.completions.length > 0);
  await until("nothing is left", () => readdirSync(join(bench.stateDir, "attempts")).length === 0);
  expect(bench.coordinator.calls.filter(({ path }) => path.includes(`${lapsed.id}/attempts`))).toEqual([]);
});

test("a coordinator that has forgotten the runner gets it back under the same id", async () => {
  await using bench = await openBench();
  bench.startRunner(["--poll-timeout", "0.2"]);
  await bench.coordinator.until("registered", () => bench.coordinator.runners.size === 1);
  const before = [...bench.coordinator.runners];
  bench.coordinator.runners.clear();
  await bench.coordinator.until("registered again", () => bench.coordinator.runners.size === 1);
  expect([...bench.coordinator.runners]).toEqual(before);
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test("a runner that starts before its coordinator waits for it", async () => {
  await using bench = await openBench();
  await bench.coordinator.down();
  const runner = bench.startRunner();
  await until("it says so", () => runner.output().includes("does not answer"));
  await bench.coordinator.up();
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test("a key that the coordinator refuses ends the start with a hint", async () => {
  await using bench = await openBench();
  bench.coordinator.intercept = ({ authorization }) =>
    authorization === "Bearer right" ? null : new ParallaxError("unauthorized", "the key is not known");
  const runner = bench.startRunner();
  expect(await runner.exited()).not.toBe(0);
  expect(runner.output()).toContain("--token-file");

  const tokenFile = join(bench.dir, "key");
  writeFileSync(tokenFile, "right\n");
  const run = bench.coordinator.enqueue({ prompt: "hello" });
  bench.coordinator.intercept = ({ authorization, path }) =>
    authorization === "Bearer right" || path.includes("/attempts/")
      ? null
      : new ParallaxError("unauthorized", "the key is not known");
  bench.startRunner(["--token-file", tokenFile]);
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test("--run takes exactly that run and exits 0; one that is not to be had is exit code 75", async () => {
  await using bench = await openBench();
  const other = bench.coordinator.enqueue({ prompt: "hello" });
  const wanted = bench.coordinator.enqueue({ prompt: "hello" });
  const runner = bench.startRunner(["--run", wanted.id]);
  expect(await runner.exited()).toBe(0);
  expect(wanted.completions).toHaveLength(1);
  expect(other.state).toBe("pending");
  const late = bench.startRunner(["--run", wanted.id, "--poll-timeout", "0.1"]);
  expect(await late.exited()).toBe(75);
  expect(existsSync(join(bench.stateDir, "identity.json"))).toBe(true);
});

test("a process that was replaced under its own identity leaves without signing the other one off", async () => {
  await using bench = await openBench();
  const runner = bench.startRunner(["--poll-timeout", "0.2"]);
  await bench.coordinator.until("registered", () => bench.coordinator.runners.size === 1);
  bench.coordinator.intercept = ({ path }) =>
    path === "/runner/runs" ? new ParallaxError("duplicate_runner", "a newer process has taken over") : null;
  expect(await runner.exited()).toBe(1);
  expect(bench.coordinator.summary()).not.toContain("DELETE /runners/:runner");
});

test("--once asks the coordinator for one run only, takes one, and exits 0", async () => {
  await using bench = await openBench();
  const runs = [bench.coordinator.enqueue({ prompt: "hello" }), bench.coordinator.enqueue({ prompt: "hello" })];
  const runner = bench.startRunner(["--once"]);
  expect(await runner.exited()).toBe(0);
  const registration = bench.coordinator.calls.find(({ path }) => path === "/runner/register");
  expect(registration?.body).toMatchObject({ max_runs: 1 });
  expect(runs.map(({ completions }) => completions.length).toSorted()).toEqual([0, 1]);
});

test("--once exits 75 when the run that it was offered went to somebody else before it was started", async () => {
  await using bench = await openBench();
  const lapsed = bench.coordinator.enqueue({ prompt: "hello" });
  lapsed.refusal = "offer_lapsed";
  expect(await bench.startRunner(["--once"]).exited()).toBe(75);
});
