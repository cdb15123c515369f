import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import type { Store } from "../store/store.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { letOutagePass, letStopGoUnanswered } from "../store/testing/let-time-pass.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { expireLeases } from "./expire-leases.ts";

const TEN_MINUTES_MS = 600_000;
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());
const lives: LiveAttempt[] = [];
afterEach(async () => {
  for (const live of lives.splice(0)) await finish(deps, live).catch(() => undefined);
});

const read = async (live: LiveAttempt) => await findRun(deps.store.db, live.agent.runId);
async function started(): Promise<LiveAttempt> {
  const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
  lives.push(live);
  return live;
}
const renew = async (live: LiveAttempt) =>
  await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames: [], acknowledgedDirectives: [] });

/** Another replica of the coordinator that does something else between the statements of its own work. */
function replica(before: (transactions: number) => Promise<void>): TestDeps {
  let transactions = 0;
  const transaction: Store["transaction"] = async (work) => {
    await before(++transactions);
    return await deps.store.transaction(work);
  };
  return { ...deps, store: { ...deps.store, transaction } };
}

describe("after an outage of ten minutes", () => {
  it("every lease has the time that it had before, whoever sweeps first, and none is extended twice", async () => {
    const live = await started();
    await sweepLeases(deps);
    const before = await read(live);
    await letOutagePass(deps.store.db, TEN_MINUTES_MS);
    await Promise.all([expireLeases(deps), expireLeases(deps), expireLeases(deps)]);
    await expireLeases(deps);
    const after = await read(live);
    expect(after).toMatchObject({ state: "running", attempt: 1 });
    const shiftMs = (after?.leaseExpiresAt?.getTime() ?? 0) - (before?.leaseExpiresAt?.getTime() ?? 0);
    expect(Math.abs(shiftMs)).toBeLessThan(5_000);
  });

  it("what had expired before it expires after it", async () => {
    const [dead, alive] = [await started(), await started()];
    await sweepLeases(deps);
    await letLeaseExpire(deps.store.db, dead.agent.runId);
    await letOutagePass(deps.store.db, TEN_MINUTES_MS);
    await expireLeases(deps);
    expect(await read(dead)).toMatchObject({ state: "running" });
    await expireLeases(deps);
    expect(await read(dead)).toMatchObject({ state: "pending" });
    expect(await read(alive)).toMatchObject({ state: "running" });
  });

  it("a replica that slept through it in the middle of its sweep expires nothing", async () => {
    const live = await started();
    await sweepLeases(deps);
    const sleeper = replica(async (transactions) => {
      // it has looked at the clock, and sleeps before it looks at the leases
      if (transactions === 1) return;
      throw new Error("it found a lease to end");
    });
    const store: Store = {
      ...sleeper.store,
      transaction: async (work) => {
        const result = await sleeper.store.transaction(work);
        await letOutagePass(deps.store.db, TEN_MINUTES_MS);
        return result;
      },
    };
    await expireLeases({ ...sleeper, store });
    expect(await read(live)).toMatchObject({ state: "running" });
    await expireLeases(deps);
    await expireLeases(deps);
    expect(await read(live)).toMatchObject({ state: "running" });
  });

  it("a stop is not taken for unanswered because nobody could answer it", async () => {
    const live = await started();
    await stopSession(deps, {
      projectId: "default",
      sessionId: live.agent.sessionId,
      runId: null,
      cascade: true,
      reason: "t",
    });
    await sweepLeases(deps);
    await letOutagePass(deps.store.db, TEN_MINUTES_MS);
    await expireLeases(deps);
    await expireLeases(deps);
    expect(await read(live)).toMatchObject({ state: "stopping" });
  });
});

describe("two replicas that sweep at once", () => {
  it("end an expired lease once", async () => {
    const live = await started();
    await letLeaseExpire(deps.store.db, live.agent.runId);
    await Promise.all([sweepLeases(deps), sweepLeases(deps), sweepLeases(deps)]);
    expect(await read(live)).toMatchObject({ state: "pending", attempt: 1, deliveries: 1 });
  });

  it("leave a run alone whose supervisor renewed, or answered its stop, after the look", async () => {
    const [late, stopping] = [await started(), await started()];
    await stopSession(deps, {
      projectId: "default",
      sessionId: stopping.agent.sessionId,
      runId: null,
      cascade: true,
      reason: "t",
    });
    await sweepLeases(deps);
    await letLeaseExpire(deps.store.db, late.agent.runId);
    await letStopGoUnanswered(deps.store.db, stopping.agent.runId);
    const slow = replica(async (transactions) => {
      if (transactions === 2) await renew(late);
      // in between it says that it is still there
      if (transactions === 4) await renew(stopping);
    });
    await expireLeases(slow);
    expect(await read(late)).toMatchObject({ state: "running" });
    expect(await read(stopping)).toMatchObject({ state: "stopping" });
  });
});
