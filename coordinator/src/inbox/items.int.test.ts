import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { reportLoss } from "../leases/report-loss.ts";
import { sweepForgotten } from "../leases/sweep-forgotten.ts";
import { registerRunner } from "../runners/register-runner.ts";
import { completeRun } from "../runs/complete-run.ts";
import { noteTaken } from "../runs/note-progress.ts";
import { startRun } from "../runs/start-run.ts";
import { stopSession } from "../runs/stop-run.ts";
import { releaseInbox } from "../sessions/release-inbox.ts";
import { sendMessage } from "../sessions/send-message.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { letPausesEnd } from "../store/testing/let-time-pass.ts";
import { aRunner, claim, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const P = "default";
const items = async (sessionId: string) => (await listItems(deps.store.db, P, sessionId, 50)).reverse();
const say = async (sessionId: string, text: string) =>
  await sendMessage(deps, { projectId: P, sessionId, text, ifBusy: "queue" });
const pending = async (sessionId: string) =>
  (await listRuns(deps.store.db, P, { sessionId, state: "pending", limit: 5 })).map((run) => run.id);
const claimerOf = (live: LiveAttempt) => ({ ...live.agent, runnerId: runner.id, proven: true });

/** A session at rest, and what it hears next. */
async function restingSession(): Promise<string> {
  const created = await submit(deps);
  await finish(deps, await startAttempt(deps, runner, created.run_id));
  return created.session_id;
}
async function resumed(sessionId: string): Promise<LiveAttempt> {
  const [runId] = await pending(sessionId);
  return await startAttempt(deps, runner, runId);
}

describe("what an agent took", () => {
  it("comes back when the server ends the run without a word from the agent's side: no end contains it", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "precious");
    const live = await resumed(sessionId);
    await noteTaken(deps, { ...live.agent, incarnation: live.incarnation }, live.offer.items);
    await stopSession(deps, { projectId: P, sessionId, runId: null, cascade: true, reason: "test" });
    await letLeaseExpire(deps.store.db, live.agent.runId);
    await sweepLeases(deps);
    expect(await items(sessionId)).toMatchObject([{ state: "new", deliveries: 1, notBefore: null }]);
    expect(await pending(sessionId)).toEqual([]);
    await releaseInbox(deps, P, sessionId);
    const [runId] = await pending(sessionId);
    expect((await claim(deps, runner, runId))?.prompt).toContain(`precious (This may be a repeat`);
  });

  it("after it had been given up goes to attempt k+1 as a possible repeat, and only that one's word consumes it", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "twice");
    const live = await resumed(sessionId);
    await reportLoss(deps, claimerOf(live), runner.instanceId ?? "", "taken for dead");
    await noteTaken(deps, { ...live.agent, incarnation: live.incarnation }, live.offer.items);
    const second = await startAttempt(deps, runner, live.agent.runId);
    expect(second.offer.prompt).toContain("twice (This may be a repeat");
    expect(await items(sessionId)).toMatchObject([{ state: "assigned", attempt: 2, deliveries: 1 }]);
    await finish(deps, second, { itemsTaken: [] });
    expect(await items(sessionId)).toMatchObject([{ state: "new", deliveries: 2 }]);
  });

  it("is consumed by the end that the agent's side reports, also when it was stopped", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "read");
    const live = await resumed(sessionId);
    await stopSession(deps, { projectId: P, sessionId, runId: null, cascade: true, reason: "test" });
    await finish(deps, live, { outcome: "stopped" });
    expect(await items(sessionId)).toMatchObject([{ state: "consumed" }]);
  });

  it("is what its plain runner was given with the offer, because that one cannot say more", async () => {
    const plain = await registerRunner(deps, P, { hostname: "plain", project_dir: "/tmp" });
    const created = await submit(deps, { portable: true });
    const report = async (runId: string, attempt: number) => {
      const claimer = { runId, attempt, runnerId: plain.id, proven: false };
      await startRun(deps, claimer);
      await completeRun(deps, claimer, {
        outcome: "completed",
        incarnation: null,
        log: null,
        treeGone: true,
        resultText: "ok",
      });
    };
    await claim(deps, plain, created.run_id);
    await report(created.run_id, 1);
    await say(created.session_id, "for a plain one");
    const [runId] = await pending(created.session_id);
    expect((await claim(deps, plain, runId))?.prompt).toBe("for a plain one");
    await report(runId ?? "", 1);
    expect(await items(created.session_id)).toMatchObject([{ state: "consumed" }]);
    expect(await pending(created.session_id)).toEqual([]);
  });
});

describe("what came while an attempt was cut off", () => {
  it("is not counted against it when it comes back: it was never told", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "first");
    const live = await resumed(sessionId);
    await reportLoss(deps, claimerOf(live), runner.instanceId ?? "", "cut off");
    await say(sessionId, "second");
    expect(await items(sessionId)).toMatchObject([{ state: "assigned" }, { state: "assigned" }]);
    await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames: [], acknowledgedDirectives: [] });
    expect(await items(sessionId)).toMatchObject([
      { state: "assigned", runId: live.agent.runId },
      { state: "new", runId: null, deliveries: 0 },
    ]);
    await finish(deps, live);
    expect(await items(sessionId)).toMatchObject([{ state: "consumed" }, { state: "assigned", deliveries: 0 }]);
    expect((await resumed(sessionId)).offer.prompt).toBe("second");
  });

  it("goes to attempt k+1 with the rest, and by its late end only what it had been told is consumed", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "first");
    const live = await resumed(sessionId);
    await reportLoss(deps, claimerOf(live), runner.instanceId ?? "", "cut off");
    await say(sessionId, "second");
    await finish(deps, live);
    expect(await items(sessionId)).toMatchObject([{ state: "consumed" }, { state: "assigned", deliveries: 0 }]);
    expect((await resumed(sessionId)).offer.prompt).toBe("second");
  });
});

describe("an item that comes back", () => {
  it("waits longer each time, and is set aside after five times, which settles the session", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "indigestible");
    const pauses: number[] = [];
    for (let times = 1; times <= deps.limits.itemDeliveriesMax; times++) {
      const live = await resumed(sessionId);
      await finish(deps, live, { outcome: "executor_error", itemsTaken: [], resultText: null });
      const [item] = await items(sessionId);
      expect(item?.deliveries).toBe(times);
      if (item?.state === "new") pauses.push(Math.round(((item.notBefore?.getTime() ?? 0) - Date.now()) / 1000));
      await letPausesEnd(deps.store.db, P, sessionId);
      await sweepForgotten(deps);
    }
    expect(pauses).toEqual([5, 10, 20, 40]);
    expect(await items(sessionId)).toMatchObject([{ state: "set_aside" }]);
    expect(await pending(sessionId)).toEqual([]);
    expect((await findSession(deps.store.db, P, sessionId))?.settledAt).not.toBeNull();
  });

  it("because the run that waited with it was stopped has no pause and no count: nobody had it", async () => {
    const sessionId = await restingSession();
    await say(sessionId, "patient");
    const [runId] = await pending(sessionId);
    const later = await submit(deps, { type: "resume_session", session_id: sessionId, prompt: "later" });
    await stopSession(deps, { projectId: P, sessionId, runId: runId ?? "", cascade: true, reason: "test" });
    expect(await items(sessionId)).toMatchObject([{ state: "assigned", runId: later.run_id, deliveries: 0 }]);
  });
});

describe("absorbing", () => {
  it("does not delay: a run that waits for a time takes nothing, the resume goes first", async () => {
    const sessionId = await restingSession();
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const timed = await submit(deps, {
      type: "resume_session",
      session_id: sessionId,
      prompt: "tomorrow",
      not_before: tomorrow,
    });
    await say(sessionId, "now");
    const [item] = await items(sessionId);
    expect(item?.runId).not.toBe(timed.run_id);
    expect((await resumed(sessionId)).offer).toMatchObject({ run_id: item?.runId, prompt: "now" });
  });

  it("puts what waits into the next message, once", async () => {
    const sessionId = await restingSession();
    const asked = await submit(deps, { type: "resume_session", session_id: sessionId, prompt: "and then" });
    await say(sessionId, "by the way");
    expect(await pending(sessionId)).toEqual([asked.run_id]);
    expect((await claim(deps, runner, asked.run_id))?.prompt).toBe("by the way\n\nand then");
  });
});
