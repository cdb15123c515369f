import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPeriodicWork } from "../leases/periodic-work.ts";
import { promoteDue, sweepForgotten } from "../leases/sweep-forgotten.ts";
import { createQueue } from "../queue/create-queue.ts";
import { createWake } from "../queue/wake.ts";
import { explainRun } from "../runs/explain-run.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import { letStartTimeCome } from "../store/testing/let-time-pass.ts";
import { aRunner, claim, finish, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => {
  const run = await findRun(deps.store.db, runId);
  if (run === null) throw new Error("run is gone");
  return run;
};
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const DAY_MS = 86_400_000;

describe("a run with not_before", () => {
  it("waits visibly until then, lets others of its session by, and goes when its time comes", async () => {
    const timed = await submit(deps, { not_before: inMs(DAY_MS) });
    expect(await read(timed.run_id)).toMatchObject({ ready: false, waitingFor: "not_before" });
    expect(await explainRun(deps, await read(timed.run_id))).toMatchObject({ cause: "not_before" });
    expect(await claim(deps, runner, timed.run_id)).toBeNull();
    const other = await submit(deps, { type: "resume_session", session_id: timed.session_id, prompt: "now" });
    const live = await startAttempt(deps, runner, other.run_id);
    await letStartTimeCome(deps.store.db, timed.run_id);
    await promoteDue(deps);
    expect(await read(timed.run_id)).toMatchObject({ ready: false, waitingFor: "session_busy" });
    await finish(deps, live);
    expect(await read(timed.run_id)).toMatchObject({ ready: true });
  });

  it("becomes ready by the messenger's timer alone", async () => {
    const queue = await createQueue({ databaseUrl: deps.databaseUrl, logger: deps.logger });
    const wake = createWake();
    const fleet = { ...deps, queue, wake };
    await startPeriodicWork({ ...fleet, limits: { ...deps.limits, expirySweepMs: DAY_MS, inboxSweepMs: DAY_MS } });
    const woken = Promise.withResolvers<void>();
    wake.subscribe("lane", () => woken.resolve());
    const timed = await submit(fleet, { not_before: inMs(300) });
    expect(await read(timed.run_id)).toMatchObject({ ready: false });
    await woken.promise;
    expect(await read(timed.run_id)).toMatchObject({ ready: true });
    await queue.close();
  });

  it("becomes ready by the sweep when the messenger has forgotten it", async () => {
    const timed = await submit(deps, { not_before: inMs(DAY_MS) });
    await letStartTimeCome(deps.store.db, timed.run_id);
    const heard: string[] = [];
    const unsubscribe = deps.wake.subscribe("lane", (lane) => heard.push(lane));
    await sweepForgotten(deps);
    unsubscribe();
    expect(await read(timed.run_id)).toMatchObject({ ready: true, waitingFor: null });
    expect(heard).toContain((await read(timed.run_id)).laneId);
  });
});

describe("the next in a session's line becomes ready", () => {
  it("when the one that was ready is stopped, and when that one fails, whoever was in between", async () => {
    const first = await submit(deps);
    const line = [];
    for (const prompt of ["two", "three", "four"])
      line.push(await submit(deps, { type: "resume_session", session_id: first.session_id, prompt }));
    const [two, three, four] = line.map((created) => created.run_id);
    const stop = async (runId: string) =>
      await stopSession(deps, { projectId: P, sessionId: first.session_id, runId, cascade: true, reason: "t" });
    await stop(two ?? "");
    await stop(first.run_id);
    expect(await read(three ?? "")).toMatchObject({ ready: true });
    const live = await startAttempt(deps, runner, three);
    await finish(deps, live, { outcome: "agent_error" });
    expect(await read(four ?? "")).toMatchObject({ ready: true });
  });
});
