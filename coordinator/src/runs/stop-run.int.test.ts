import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { promoteDue } from "../leases/sweep-forgotten.ts";
import { releaseInbox } from "../sessions/release-inbox.ts";
import { sendMessage } from "../sessions/send-message.ts";
import { findOpenDirectives } from "../store/directives.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun, listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { letOccupationEnd, letStopGoUnanswered } from "../store/testing/let-time-pass.ts";
import { aRunner, claim, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { explainRun } from "./explain-run.ts";
import { startRun } from "./start-run.ts";
import { stopSession } from "./stop-run.ts";

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
const session = async (id: string) => await findSession(deps.store.db, P, id);
const stop = async (sessionId: string, cascade = true) =>
  await stopSession(deps, { projectId: P, sessionId, runId: null, cascade, reason: "enough" });
const root = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const childOf = async (parent: LiveAttempt) => await submit(deps, { execution_mode: "async_callback" }, parent.agent);
const renew = async (live: LiveAttempt, acknowledgedDirectives: number[] = []) =>
  await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames: [], acknowledgedDirectives });

describe("a stop", () => {
  it("asked for fifty times at once is one stop: one directive, and one caller hears that it began", async () => {
    const live = await root();
    const answers = await Promise.all(Array.from({ length: 50 }, async () => await stop(live.agent.sessionId)));
    expect(answers.filter((answer) => answer.stoppedRuns.length > 0)).toHaveLength(1);
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 50 }, () => "stopping"));
    expect(await findOpenDirectives(deps.store.db, live.agent.runId, 1)).toMatchObject([{ kind: "stop", seq: 1 }]);
  });

  it("extends no lease, neither of a run at work nor of one that is only offered", async () => {
    const live = await root();
    const offered = await submit(deps);
    await claim(deps, runner, offered.run_id);
    for (const [sessionId, runId] of [
      [live.agent.sessionId, live.agent.runId],
      [offered.session_id, offered.run_id],
    ] as const) {
      const before = await read(runId);
      await stop(sessionId);
      const after = await read(runId);
      expect(after).toMatchObject({ state: "stopping" });
      expect(after.leaseExpiresAt).toEqual(before.leaseExpiresAt);
      expect(after.renewedAt).toEqual(before.renewedAt);
    }
  });

  it("is told with every renewal until the end, whatever was acknowledged", async () => {
    const live = await root();
    await stop(live.agent.sessionId);
    expect(await renew(live)).toMatchObject({ stop: { reason: "enough" }, directives: [{ seq: 1 }] });
    expect(await renew(live, [1])).toMatchObject({ stop: { reason: "enough" }, directives: [] });
    expect(await renew(live)).toMatchObject({ stop: { reason: "enough" } });
  });

  it("of an offered run lets nobody start it; it ends with its offer", async () => {
    const created = await submit(deps);
    await claim(deps, runner, created.run_id);
    await stop(created.session_id);
    const starting = startRun(deps, { runId: created.run_id, attempt: 1, runnerId: runner.id, proven: true });
    await expect(starting).rejects.toMatchObject({ code: "run_stopping" });
    await letLeaseExpire(deps.store.db, created.run_id);
    await sweepLeases(deps);
    expect(await read(created.run_id)).toMatchObject({ state: "stopped", deliveries: 0 });
  });

  it("that races a child's start either stops the child too or is told that it was too late to start one", async () => {
    for (let round = 0; round < 8; round++) {
      const parent = await root();
      const [stopped, child] = await Promise.allSettled([stop(parent.agent.sessionId), childOf(parent)]);
      expect(stopped.status).toBe("fulfilled");
      if (child.status === "fulfilled") expect(await read(child.value.run_id)).toMatchObject({ state: "stopped" });
      else expect(child.reason).toMatchObject({ code: "run_stopping" });
    }
  });
});

describe("a stop that nobody answers", () => {
  async function unanswered(): Promise<LiveAttempt> {
    const live = await root();
    await stop(live.agent.sessionId);
    await letStopGoUnanswered(deps.store.db, live.agent.runId);
    await sweepLeases(deps);
    return live;
  }

  it("ends the run, but its session stays occupied until the lease would have run out", async () => {
    const live = await unanswered();
    expect(await read(live.agent.runId)).toMatchObject({ state: "stopped", outcome: "stopped" });
    const next = await submit(deps, { type: "resume_session", session_id: live.agent.sessionId, prompt: "again" });
    const waiting = await read(next.run_id);
    expect(waiting).toMatchObject({ ready: false, waitingFor: "session_occupied" });
    expect(await explainRun(deps, waiting)).toMatchObject({ cause: "session_occupied" });
    expect(await claim(deps, runner, next.run_id)).toBeNull();
    await letOccupationEnd(deps.store.db, P, live.agent.sessionId);
    await promoteDue(deps);
    expect(await read(next.run_id)).toMatchObject({ ready: true, waitingFor: null });
    expect(await session(live.agent.sessionId)).toMatchObject({ occupiedUntil: null });
  });

  it("tells the parent, and refuses the word of the agent that comes too late", async () => {
    const parent = await root();
    const child = await startAttempt(deps, runner, (await childOf(parent)).run_id);
    await stop(child.agent.sessionId);
    await letStopGoUnanswered(deps.store.db, child.agent.runId);
    await sweepLeases(deps);
    expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toMatchObject([
      { payload: { outcome: "stopped" } },
    ]);
    await expect(finish(deps, child)).rejects.toMatchObject({ code: "run_terminal" });
  });
});

describe("a stopped session", () => {
  it("records what comes, and wakes again when a person resumes it, releases it or speaks to it", async () => {
    const wake: Record<string, (id: string) => Promise<unknown>> = {
      resume: async (id) => await submit(deps, { type: "resume_session", session_id: id, prompt: "go on" }),
      release: async (id) => await releaseInbox(deps, P, id),
      message: async (id) => await sendMessage(deps, { projectId: P, sessionId: id, text: "hello?", ifBusy: "queue" }),
    };
    for (const [how, wakeBy] of Object.entries(wake)) {
      const parent = await root();
      const child = await startAttempt(deps, runner, (await childOf(parent)).run_id);
      await stop(parent.agent.sessionId, false);
      await finish(deps, parent, { outcome: "stopped" });
      await finish(deps, child, { resultText: "kept for later" });
      expect(await session(parent.agent.sessionId)).toMatchObject({ state: "stopped", held: true });
      expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toMatchObject([{ state: "new" }]);
      await wakeBy(parent.agent.sessionId);
      const pending = await listRuns(deps.store.db, P, {
        sessionId: parent.agent.sessionId,
        state: "pending",
        limit: 5,
      });
      expect([how, pending.length]).toEqual([how, 1]);
      expect((await claim(deps, runner, pending[0]?.id))?.prompt).toContain("kept for later");
    }
  });

  it("hears of nothing that was part of the same stop, but of what was not", async () => {
    const parent = await root();
    const inside = await startAttempt(deps, runner, (await childOf(parent)).run_id);
    const below = await startAttempt(deps, runner, (await childOf(inside)).run_id);
    await stop(inside.agent.sessionId);
    await finish(deps, below, { outcome: "stopped" });
    expect(await listItems(deps.store.db, P, inside.agent.sessionId, 5)).toMatchObject([{ state: "consumed" }]);
    await finish(deps, inside, { outcome: "stopped" });
    expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toMatchObject([
      { state: "new", childSessionId: inside.agent.sessionId },
    ]);
  });
});
