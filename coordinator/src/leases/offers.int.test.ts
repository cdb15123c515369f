import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createDispatcher, type Dispatcher } from "../dispatch/dispatcher.ts";
import { explainRun } from "../runs/explain-run.ts";
import { sendMessage } from "../sessions/send-message.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun, listRuns } from "../store/runs.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { letStartTimeCome } from "../store/testing/let-time-pass.ts";
import { aRunner, claim, finish, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { promoteDue } from "./sweep-forgotten.ts";
import { withdrawOffers } from "./withdraw-offers.ts";

let deps: TestDeps;
// a fleet of its own for each test: whether another runner is online is what this is about
beforeEach(async () => {
  await deps?.close();
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

const read = async (runId: string) => {
  const run = await findRun(deps.store.db, runId);
  if (run === null) throw new Error("run is gone");
  return run;
};
async function letOfferLapse(runId: string): Promise<void> {
  await letLeaseExpire(deps.store.db, runId);
  await sweepLeases(deps);
}
const serve = async (dispatcher: Dispatcher, runner: RunnerRecord, pollId: string, holdMs: number) =>
  await dispatcher.serve({
    runner,
    count: 1,
    instanceId: runner.instanceId,
    pollId,
    plain: false,
    onlyRunId: null,
    holdMs,
    signal: new AbortController().signal,
  });

describe("a runner that let an offer lapse", () => {
  it("gets none, however often it repeats its poll, until a new poll shows that a reply arrived", async () => {
    const runner = await aRunner(deps);
    const { run_id } = await submit(deps);
    const other = await submit(deps);
    expect(await claim(deps, runner, run_id, "poll_1")).toMatchObject({ attempt: 1 });
    await letOfferLapse(run_id);
    expect(await read(run_id)).toMatchObject({ state: "pending", ready: true, offers: 1 });
    expect(await claim(deps, runner, null, "poll_1")).toBeNull();
    expect(await claim(deps, runner, other.run_id, "poll_1")).toBeNull();
    expect(await claim(deps, runner, null, "poll_2")).toMatchObject({ run_id, attempt: 2 });
  });

  it("on a lossy link burns no more than one offer of each run", async () => {
    const runner = await aRunner(deps);
    const { run_id } = await submit(deps);
    await claim(deps, runner, run_id, "poll_lost");
    for (let sweeps = 0; sweeps < 12; sweeps++) {
      await letOfferLapse(run_id);
      expect(await claim(deps, runner, run_id, "poll_lost")).toBeNull();
    }
    expect(await read(run_id)).toMatchObject({ state: "pending", offers: 1, attempt: 1 });
  });

  it("is not the next one to be asked while another runner is online", async () => {
    const [broken, sound] = [await aRunner(deps), await aRunner(deps)];
    const { run_id } = await submit(deps);
    await claim(deps, broken, run_id, "poll_1");
    await letOfferLapse(run_id);
    expect(await claim(deps, broken, run_id, "poll_2")).toBeNull();
    expect(await claim(deps, sound, run_id, "poll_3")).toMatchObject({ run_id, attempt: 2 });
  });

  it("does not stand in the way of the polls behind it", async () => {
    const [broken, sound] = [await aRunner(deps), await aRunner(deps)];
    const { run_id } = await submit(deps);
    await claim(deps, broken, run_id, "poll_1");
    const dispatcher = createDispatcher(deps);
    const first = serve(dispatcher, broken, "poll_2", 4_000);
    const second = serve(dispatcher, sound, "poll_3", 4_000);
    await letOfferLapse(run_id);
    expect(await second).toMatchObject([{ run_id, attempt: 2 }]);
    dispatcher.close();
    expect(await first).toEqual([]);
  });
});

describe("a run whose offers lapse", () => {
  it("is offered again at once, then after pauses that double, and fails after ten as the fleet's fault", async () => {
    const runner = await aRunner(deps);
    const { run_id } = await submit(deps);
    const pauses: number[] = [];
    for (let offers = 1; offers <= deps.limits.offersMax; offers++) {
      expect(await claim(deps, runner, run_id, `poll_${offers}`)).toMatchObject({ attempt: offers });
      await letOfferLapse(run_id);
      const run = await read(run_id);
      if (run.state !== "pending") break;
      const pauseMs = run.offerAfter === null ? 0 : run.offerAfter.getTime() - Date.now();
      pauses.push(Math.round(pauseMs / 1000));
      if (pauseMs === 0) continue;
      expect(run).toMatchObject({ ready: false, waitingFor: "offer_paused" });
      expect(await explainRun(deps, run)).toMatchObject({ cause: "offer_paused" });
      await letStartTimeCome(deps.store.db, run_id);
      await promoteDue(deps);
    }
    expect(pauses).toEqual([0, 5, 10, 20, 40, 60, 60, 60, 60]);
    expect(await read(run_id)).toMatchObject({ state: "failed", outcome: "infra_error", offers: 10, deliveries: 0 });
  });

  it("still takes what is owed to its session: it goes first, and nothing is gained by another run", async () => {
    const runner = await aRunner(deps);
    const { run_id, session_id } = await submit(deps);
    await finish(deps, await startAttempt(deps, runner, run_id));
    const say = async (text: string) =>
      await sendMessage(deps, { projectId: "default", sessionId: session_id, text, ifBusy: "queue" });
    await say("one");
    const [resume] = await listRuns(deps.store.db, "default", { sessionId: session_id, state: "pending", limit: 5 });
    for (const poll of ["a", "b"]) {
      await claim(deps, runner, resume?.id, poll);
      await letOfferLapse(resume?.id ?? "");
    }
    expect(await read(resume?.id ?? "")).toMatchObject({ waitingFor: "offer_paused" });
    await say("two");
    await letStartTimeCome(deps.store.db, resume?.id ?? "");
    await promoteDue(deps);
    expect((await claim(deps, runner, resume?.id, "c"))?.prompt).toBe("one\n\ntwo");
  });

  it("takes along what came while it was offered", async () => {
    const runner = await aRunner(deps);
    const { run_id, session_id } = await submit(deps);
    await claim(deps, runner, run_id, "poll_1");
    await sendMessage(deps, { projectId: "default", sessionId: session_id, text: "wait for me", ifBusy: "queue" });
    await letOfferLapse(run_id);
    expect((await claim(deps, runner, run_id, "poll_2"))?.prompt).toBe("wait for me\n\ndo it");
  });

  it("counts nothing when nobody was there to be told: the poll was over", async () => {
    const runner = await aRunner(deps);
    const { run_id } = await submit(deps);
    const offer = await claim(deps, runner, run_id, "poll_1");
    await withdrawOffers(deps, offer === null ? [] : [offer]);
    expect(await read(run_id)).toMatchObject({ state: "pending", ready: true, offers: 0, attempt: 1 });
    expect(await claim(deps, runner, run_id, "poll_1")).toMatchObject({ attempt: 2 });
  });
});
