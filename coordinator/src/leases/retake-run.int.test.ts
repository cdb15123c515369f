import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { aRunner, claim, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => await findRun(deps.store.db, runId);
const renew = async (live: LiveAttempt) =>
  await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames: [], acknowledgedDirectives: [] });
async function cutOff(): Promise<LiveAttempt> {
  const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
  await letLeaseExpire(deps.store.db, live.agent.runId);
  await sweepLeases(deps);
  return live;
}

describe("a supervisor that was cut off and comes back", () => {
  it("takes its run up again when nobody claimed it: the renewal is the claim", async () => {
    const live = await cutOff();
    expect(await read(live.agent.runId)).toMatchObject({ state: "pending", ready: true });
    await renew(live);
    expect(await read(live.agent.runId)).toMatchObject({ state: "running", ready: false, attempt: 1, deliveries: 1 });
    expect(await claim(deps, runner, live.agent.runId)).toBeNull();
    expect(await finish(deps, live)).toEqual({ status: "completed", repeated: false });
  });

  it("is refused when a newer attempt was claimed, and that one is left alone", async () => {
    const live = await cutOff();
    await claim(deps, runner, live.agent.runId);
    await expect(renew(live)).rejects.toMatchObject({ code: "attempt_superseded" });
    expect(await read(live.agent.runId)).toMatchObject({ state: "claimed", attempt: 2 });
  });

  it("and a claim at the same moment: one of them gets the run, never both", async () => {
    for (let round = 0; round < 12; round++) {
      const live = await cutOff();
      const [renewal, offer] = await Promise.allSettled([renew(live), claim(deps, runner, live.agent.runId)]);
      const claimed = offer.status === "fulfilled" && offer.value !== null;
      expect([renewal.status, claimed]).toEqual(claimed ? ["rejected", true] : ["fulfilled", false]);
      expect(await read(live.agent.runId)).toMatchObject(
        claimed ? { state: "claimed", attempt: 2 } : { state: "running", attempt: 1 },
      );
    }
  });

  it("keeps its place: no other run of its session becomes ready before it", async () => {
    const live = await cutOff();
    const next = await submit(deps, { type: "resume_session", session_id: live.agent.sessionId, prompt: "next" });
    expect(await read(next.run_id)).toMatchObject({ ready: false, waitingFor: "session_busy" });
    expect(await claim(deps, runner, next.run_id)).toBeNull();
    await renew(live);
    await finish(deps, live);
    expect(await read(next.run_id)).toMatchObject({ ready: true });
  });

  it("hears that its run is over when it was stopped meanwhile", async () => {
    const live = await cutOff();
    const request = { projectId: "default", sessionId: live.agent.sessionId, runId: null, cascade: true, reason: "t" };
    expect(await stopSession(deps, request)).toMatchObject({ status: "stopped" });
    await expect(finish(deps, live)).rejects.toMatchObject({ code: "run_terminal" });
  });
});
