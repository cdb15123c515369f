import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { findSupervisors, readSpecs } from "./testing/find-supervisors.ts";
import { gatedScript, said, script } from "./testing/script.ts";
import { openBench, type RunnerBench } from "./testing/start-runner.ts";
import { statesOf } from "./testing/tree-states.ts";
import { until } from "./testing/until.ts";

const attemptDirs = (bench: RunnerBench): string[] => readdirSync(join(bench.stateDir, "attempts"));
const markerOf = (bench: RunnerBench): string => readSpecs(bench.stateDir)[0]?.marker ?? "";

test("a coordinator that is away costs nothing: the log has no gap and the completion is repeated until it is acknowledged", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  await bench.coordinator.down();
  gated.release();
  const [name = ""] = attemptDirs(bench);
  await until("the completion is on disk", () => existsSync(join(bench.stateDir, "attempts", name, "completion.json")));
  let drops = 3;
  bench.coordinator.intercept = ({ path }) => (path.endsWith("/completed") && drops-- > 0 ? "drop_answer" : null);
  await bench.coordinator.up();
  await until("nothing is left", () => attemptDirs(bench).length === 0);
  expect(run.completions.length).toBe(4);
  expect(run.frames.map(({ frame }) => frame)).toEqual(run.frames.map((_, index) => index + 1));
  expect(run.frames.length).toBe(run.completions[0]?.last_frame);
  expect(run.lost).toEqual([]);
});

test("a supervisor that hears that it was superseded ends its tree and reports nothing more", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({
    prompt: script({ say: "working" }, { ignore_signals: true }, { hang: true }),
  });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  run.refusal = "attempt_superseded";
  await until("nothing is left", () => attemptDirs(bench).length === 0);
  expect(listMarked(marker)).toEqual([]);
  expect(bench.coordinator.summary().filter((call) => /completed|lost/.test(call))).toEqual([]);
});

test("an agent whose supervisor is cut off is frozen, and goes on when the attempt is still its own", async () => {
  await using bench = await openBench({ freeze_after_ms: 1_500, renew_every_ms: 300 });
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  await bench.coordinator.down();
  await until("the tree is frozen", () => statesOf(marker).includes("T"));
  gated.release();
  await bench.coordinator.up();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome: "completed", result_text: "done" });
  const statuses = run.frames.filter(({ type }) => type === "status").map(({ data }) => data["status"]);
  expect(statuses).toEqual(expect.arrayContaining(["frozen", "thawed"]));
});

test("a frozen agent whose attempt was given away is killed without having moved", async () => {
  await using bench = await openBench({ freeze_after_ms: 1_500, renew_every_ms: 300 });
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  await bench.coordinator.down();
  await until("the tree is frozen", () => statesOf(marker).includes("T"));
  gated.release();
  run.refusal = "attempt_superseded";
  await bench.coordinator.up();
  await until("nothing is left", () => attemptDirs(bench).length === 0);
  expect(listMarked(marker)).toEqual([]);
  expect(said(run.frames, "done")).toBe(false);
});

test("an agent that stays frozen for too long is ended, and its loss is reported when the coordinator is back", async () => {
  await using bench = await openBench({ freeze_after_ms: 1_000, renew_every_ms: 300 });
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  const runner = bench.startRunner([], { PARALLAX_SUPERVISOR_LIMITS: '{"frozenKillAfterMs":1000}' });
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  await bench.coordinator.down();
  await until("the tree is gone", () => listMarked(marker).length === 0);
  await bench.coordinator.up();
  await bench.coordinator.until("the loss is reported", () => run.lost.length > 0);
  expect(run.lost[0], runner.output()).toContain("cut off");
});

test("a second supervisor of an attempt is refused before it starts an agent", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }) });
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/hello")) run.incarnation ??= "inc_of_another_one";
    return null;
  };
  bench.startRunner();
  await bench.coordinator.until("hello", () => run.incarnation !== null);
  await until("nothing is left", () => attemptDirs(bench).length === 0);
  expect(run.frames).toEqual([]);
  expect(run.completions).toEqual([]);
});

test("what is left of an older attempt of a session ends before the next one starts", async () => {
  await using bench = await openBench();
  const older = bench.coordinator.enqueue({
    session_id: "ses_one",
    prompt: script({ say: "working" }, { ignore_signals: true }, { hang: true }),
  });
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(older.frames, "working"));
  const marker = markerOf(bench);
  let olderAlive = -1;
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/hello")) olderAlive = listMarked(marker).length;
    // The older one is cut off: it cannot hear that it is over.
    return path.includes(older.id) ? new ParallaxError("store_unavailable", "not now") : null;
  };
  const newer = bench.coordinator.enqueue({ session_id: "ses_one", prompt: script({ say: "newer" }) });
  await bench.coordinator.until("the newer one completes", () => newer.completions.length > 0);
  expect(olderAlive).toBe(0);
  expect(older.completions).toEqual([]);
});

test("what another runner of this host left of a session ends before the next run starts here, and nobody else's", async () => {
  await using bench = await openBench();
  const busy = script({ say: "working" }, { ignore_signals: true }, { hang: true });
  const older = bench.coordinator.enqueue({ session_id: "ses_one", project_id: "mine", prompt: busy });
  const other = bench.coordinator.enqueue({ session_id: "ses_one", project_id: "yours", prompt: busy });
  bench.startRunner(["--slots", "2"]);
  await bench.coordinator.until("both work", () => [older, other].every(({ frames }) => said(frames, "working")));
  const markers = readSpecs(bench.stateDir).map(({ run, marker }) => ({ id: run.run_id, marker }));
  const aliveOf = (id: string): number => listMarked(markers.find((one) => one.id === id)?.marker ?? "").length;
  let olderAlive = -1;
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/hello")) olderAlive = aliveOf(older.id);
    return path.includes(older.id) ? new ParallaxError("store_unavailable", "not now") : null;
  };
  bench.startNeighbour();
  const newer = bench.coordinator.enqueue({
    session_id: "ses_one",
    project_id: "mine",
    prompt: script({ say: "newer" }),
  });
  await bench.coordinator.until("the newer one completes", () => newer.completions.length > 0);
  expect(olderAlive).toBe(0);
  expect(aliveOf(other.id)).toBeGreaterThan(0);
});

test("a runner that stood still since its start was accepted ends nothing that is newer", async () => {
  await using bench = await openBench();
  const newer = bench.coordinator.enqueue({
    session_id: "ses_one",
    prompt: script({ say: "working" }, { hang: true }),
  });
  bench.startNeighbour(["--slots", "1"]);
  await bench.coordinator.until("the newer one works", () => said(newer.frames, "working"));
  const stale = bench.coordinator.enqueue({ session_id: "ses_one", prompt: "hello" });
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith(`${stale.id}/started`) && stale.state === "running") stale.refusal = "attempt_superseded";
    return null;
  };
  bench.startRunner();
  await bench.coordinator.until("the second start is refused", () => stale.refusal !== null);
  await until("it is dropped", () => attemptDirs(bench).length === 0);
  const renewals = (): number => bench.coordinator.summary().filter((call) => call.endsWith("/events")).length;
  const before = renewals();
  await bench.coordinator.until("the newer one goes on", () => renewals() > before + 1);
  expect(newer.lost).toEqual([]);
  expect(stale.frames).toEqual([]);
});

test("a supervisor that hangs is ended by its runner before somebody else may start the work", async () => {
  const lease = { freeze_after_ms: 3_000, lease_ttl_ms: 12_000, renew_every_ms: 300 };
  await using bench = await openBench(lease);
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  let renewedAt = 0;
  let lostAt = 0;
  bench.coordinator.intercept = ({ path }) => {
    if (path.endsWith("/events")) renewedAt = performance.now();
    if (path.endsWith("/lost")) lostAt = performance.now();
    return null;
  };
  bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  for (const pid of findSupervisors(bench.stateDir)) process.kill(pid, "SIGSTOP");
  await bench.coordinator.until("the loss is reported", () => run.lost.length > 0);
  expect(listMarked(marker)).toEqual([]);
  expect(lostAt - renewedAt).toBeLessThan(lease.lease_ttl_ms);
});

test("a supervisor that hangs while no runner watches it is ended by the next one", async () => {
  await using bench = await openBench({ freeze_after_ms: 3_000, renew_every_ms: 300 });
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }, { hang: true }) });
  const first = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  const marker = markerOf(bench);
  await first.crash();
  for (const pid of findSupervisors(bench.stateDir)) process.kill(pid, "SIGSTOP");
  bench.startRunner();
  await bench.coordinator.until("the loss is reported", () => run.lost.length > 0, 30_000);
  expect(listMarked(marker)).toEqual([]);
});

test("a runner that stands still for a while blames none of its supervisors", async () => {
  await using bench = await openBench({ freeze_after_ms: 2_000, renew_every_ms: 300 });
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt });
  const runner = bench.startRunner();
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));
  runner.signal("SIGSTOP");
  const renewals = (): number => bench.coordinator.summary().filter((call) => call.endsWith("/events")).length;
  const before = renewals();
  await bench.coordinator.until("the supervisor goes on alone", () => renewals() > before + 20);
  runner.signal("SIGCONT");
  const beats = (): number => bench.coordinator.summary().filter((call) => call === "POST /runner/heartbeat").length;
  const beatsBefore = beats();
  await bench.coordinator.until("the runner goes on", () => beats() > beatsBefore + 4);
  gated.release();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.lost).toEqual([]);
});

test("a hello whose answer was lost is said again by the same supervisor, and the agent starts once", async () => {
  await using bench = await openBench();
  const ledger = join(bench.dir, "ledger");
  const run = bench.coordinator.enqueue({
    prompt: script({ append: { file: ledger, line: "started" } }, { say: "done" }),
  });
  let lost = 2;
  bench.coordinator.intercept = ({ path }) => (path.endsWith("/hello") && lost-- > 0 ? "drop_answer" : null);
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  const hellos = bench.coordinator.calls
    .filter(({ path }) => path.endsWith("/hello"))
    .map(({ body }) => (body as { incarnation: string }).incarnation);
  expect(hellos).toHaveLength(3);
  expect(new Set(hellos).size).toBe(1);
  expect(readFileSync(ledger, "utf8")).toBe("started\n");
});

test("no agent is started before the coordinator has accepted its supervisor", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }) });
  bench.coordinator.intercept = ({ path }) =>
    path.endsWith("/hello") ? new ParallaxError("store_unavailable", "not now") : null;
  bench.startRunner();
  const hellos = (): number => bench.coordinator.summary().filter((call) => call.endsWith("/hello")).length;
  await bench.coordinator.until("several hellos", () => hellos() >= 3);
  expect(listMarked(markerOf(bench))).toEqual([]);
  const beats = bench.coordinator.calls
    .filter(({ path }) => path === "/runner/heartbeat")
    .map(({ body }) => (body as { attempts: { run_id: string }[] }).attempts);
  expect(beats.flat().some(({ run_id }) => run_id === run.id)).toBe(true);
  bench.coordinator.intercept = null;
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test("a run that is being stopped before its supervisor is accepted is told as over, and nothing was started", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: script({ say: "working" }) });
  bench.coordinator.intercept = ({ path }) =>
    path.endsWith("/hello") ? new ParallaxError("run_stopping", "start nothing") : null;
  bench.startRunner();
  await bench.coordinator.until("it is told", () => run.lost.length > 0);
  await until("nothing is left", () => attemptDirs(bench).length === 0);
  expect(run.frames).toEqual([]);
});
