import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { aRunner, claim, finish, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { claimRuns } from "./claim-runs.ts";
import { startRun } from "./start-run.ts";
import { stopSession } from "./stop-run.ts";

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

const read = async (id: string) => {
  const run = await findRun(deps.store.db, id);
  if (run === null) throw new Error("run is gone");
  return run;
};

describe("the life of a run", () => {
  it("goes from pending through claimed and running to completed, and its session to idle", async () => {
    const runner = await aRunner(deps);
    const created = await submit(deps);
    expect((await read(created.run_id)).ready).toBe(true);
    const live = await startAttempt(deps, runner, created.run_id);
    expect(live.offer).toMatchObject({ run_id: created.run_id, attempt: 1, prompt: "do it", executor: "test" });
    expect((await read(created.run_id)).state).toBe("running");
    await finish(deps, live);
    expect(await read(created.run_id)).toMatchObject({
      state: "completed",
      outcome: "completed",
      resultText: "done",
      attempt: 1,
      deliveries: 1,
    });
    const session = await findSession(deps.store.db, "default", created.session_id);
    expect(session).toMatchObject({ state: "idle", hostname: "test-host" });
    expect(session?.settledAt).not.toBeNull();
  });

  it("gives one run to exactly one of many polls that race for it", async () => {
    const runners = await Promise.all(Array.from({ length: 8 }, async () => await aRunner(deps)));
    const created = await submit(deps);
    const offers = await Promise.all(runners.map(async (runner) => await claim(deps, runner, created.run_id)));
    expect(offers.filter((offer) => offer !== null)).toHaveLength(1);
    expect((await read(created.run_id)).attempt).toBe(1);
  });

  it("accepts exactly one of two different completions that race, and says so to the other", async () => {
    const created = await submit(deps);
    const live = await startAttempt(deps, await aRunner(deps), created.run_id);
    const results = await Promise.allSettled([
      finish(deps, live, { resultText: "first" }),
      finish(deps, live, { resultText: "second" }),
    ]);
    const accepted = results.filter((result) => result.status === "fulfilled");
    const refused = results.filter((result) => result.status === "rejected");
    expect(accepted).toHaveLength(1);
    expect(refused.map((result) => (result.reason as { code: string }).code)).toEqual(["run_terminal"]);
    const winner = results[0]?.status === "fulfilled" ? "first" : "second";
    expect((await read(created.run_id)).resultText).toBe(winner);
  });

  it("answers a repeated completion like the first and changes nothing", async () => {
    const created = await submit(deps);
    const live = await startAttempt(deps, await aRunner(deps), created.run_id);
    expect(await finish(deps, live)).toEqual({ status: "completed", repeated: false });
    const before = await read(created.run_id);
    expect(await finish(deps, live)).toEqual({ status: "completed", repeated: true });
    expect(await read(created.run_id)).toEqual(before);
  });

  it("refuses the completion of an attempt after a newer claim", async () => {
    const runner = await aRunner(deps);
    const created = await submit(deps);
    const first = await startAttempt(deps, runner, created.run_id);
    await letLeaseExpire(deps.store.db, created.run_id);
    await sweepLeases(deps);
    expect(await read(created.run_id)).toMatchObject({ state: "pending", ready: true, attempt: 1 });
    const second = await startAttempt(deps, runner, created.run_id);
    expect(second.offer.attempt).toBe(2);
    await expect(finish(deps, first, { resultText: "too late" })).rejects.toMatchObject({ code: "attempt_superseded" });
    await finish(deps, second, { resultText: "the second one's" });
    expect(await read(created.run_id)).toMatchObject({
      state: "completed",
      attempt: 2,
      resultText: "the second one's",
    });
  });

  it("accepts a late completion while nobody has claimed a newer attempt", async () => {
    const created = await submit(deps);
    const live = await startAttempt(deps, await aRunner(deps), created.run_id);
    await letLeaseExpire(deps.store.db, created.run_id);
    await sweepLeases(deps);
    await finish(deps, live, { resultText: "finished work" });
    expect(await read(created.run_id)).toMatchObject({ state: "completed", attempt: 1, resultText: "finished work" });
  });

  it("lets a lapsed offer return, counts it, and refuses its late start", async () => {
    const runner = await aRunner(deps);
    const created = await submit(deps);
    const offer = await claim(deps, runner, created.run_id);
    await letLeaseExpire(deps.store.db, created.run_id);
    await sweepLeases(deps);
    expect(await read(created.run_id)).toMatchObject({ state: "pending", ready: true, offers: 1, deliveries: 0 });
    await expect(
      startRun(deps, { runId: created.run_id, attempt: offer?.attempt ?? 0, runnerId: runner.id, proven: true }),
    ).rejects.toMatchObject({ code: "offer_lapsed" });
  });

  it("never moves a run backwards when started arrives after completed", async () => {
    const runner = await aRunner(deps);
    const created = await submit(deps);
    const live = await startAttempt(deps, runner, created.run_id);
    await finish(deps, live);
    await startRun(deps, { runId: created.run_id, attempt: 1, runnerId: runner.id, proven: true });
    expect((await read(created.run_id)).state).toBe("completed");
  });

  it("fails a run as poison when it was lost as often as it may be started", async () => {
    const runner = await aRunner(deps);
    const created = await submit(deps);
    for (let attempt = 1; attempt <= deps.limits.deliveriesMax; attempt++) {
      await startAttempt(deps, runner, created.run_id);
      await letLeaseExpire(deps.store.db, created.run_id);
      await sweepLeases(deps);
    }
    expect(await read(created.run_id)).toMatchObject({ state: "failed", outcome: "poison", deliveries: 3 });
  });

  it("does one run of a session at a time, in order", async () => {
    const runner = await aRunner(deps);
    const first = await submit(deps);
    const second = await submit(deps, { type: "resume_session", session_id: first.session_id, prompt: "and then" });
    expect(await read(second.run_id)).toMatchObject({ ready: false, waitingFor: "session_busy" });
    const live = await startAttempt(deps, runner, first.run_id);
    expect(await claim(deps, runner, second.run_id)).toBeNull();
    await finish(deps, live);
    expect(await read(second.run_id)).toMatchObject({ ready: true, waitingFor: null });
  });

  it("stops a pending run at once and a running one through its supervisor, and repeating it changes nothing", async () => {
    const runner = await aRunner(deps);
    const waiting = await submit(deps);
    const stopped = await stopSession(deps, {
      projectId: "default",
      sessionId: waiting.session_id,
      runId: waiting.run_id,
      cascade: true,
      reason: "test",
    });
    expect(stopped).toMatchObject({ status: "stopped", stoppedRuns: [waiting.run_id] });
    const running = await submit(deps);
    const live = await startAttempt(deps, runner, running.run_id);
    const request = {
      projectId: "default",
      sessionId: running.session_id,
      runId: running.run_id,
      cascade: true,
      reason: "test",
    };
    expect(await stopSession(deps, request)).toMatchObject({ status: "stopping", stoppedRuns: [running.run_id] });
    expect(await stopSession(deps, request)).toMatchObject({ status: "stopping", stoppedRuns: [] });
    await finish(deps, live, { outcome: "interrupted", resultText: null });
    expect(await read(running.run_id)).toMatchObject({ state: "stopped", outcome: "stopped" });
  });

  it("claims nothing for a lane that the poll does not cover", async () => {
    const created = await submit(deps);
    const claimed = await claimRuns(deps, {
      runner: await aRunner(deps),
      laneIds: ["lane_unknown"],
      count: 1,
      instanceId: null,
      pollId: null,
      plain: false,
      onlyRunId: created.run_id,
    });
    expect(claimed).toEqual([]);
  });
});
