import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendMessage } from "../sessions/send-message.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { listSessions } from "../store/sessions.ts";
import { letQueueTimeEnd } from "../store/testing/let-time-pass.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps({ treeDepthMax: 2, treeFanOutMax: 2, runsPerTreeMax: 5 });
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const root = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const childOf = async (parent: LiveAttempt) => await submit(deps, { execution_mode: "async_callback" }, parent.agent);
const everything = async () => ({
  runs: (await listRuns(deps.store.db, P, { limit: 500 })).length,
  sessions: (await listSessions(deps.store.db, P, { limit: 500 })).length,
});
async function refused(asking: Promise<unknown>, code: string): Promise<void> {
  await expect(asking).rejects.toMatchObject({ code });
}

describe("a limit of a tree", () => {
  it("refuses too deep a child with its code, and leaves no trace of it", async () => {
    const top = await root();
    const middle = await startAttempt(deps, runner, (await childOf(top)).run_id);
    const leaf = await startAttempt(deps, runner, (await childOf(middle)).run_id);
    const before = await everything();
    await refused(childOf(leaf), "tree_depth_exceeded");
    expect(await everything()).toEqual(before);
  });

  it("refuses too many children of one run, not of the next", async () => {
    const top = await root();
    await childOf(top);
    await childOf(top);
    const before = await everything();
    await refused(childOf(top), "tree_fan_out_exceeded");
    expect(await everything()).toEqual(before);
    await finish(deps, top);
    const next = await submit(deps, { type: "resume_session", session_id: top.agent.sessionId, prompt: "more" });
    expect(await childOf(await startAttempt(deps, runner, next.run_id))).toMatchObject({ status: "pending" });
  });

  it("lets exactly as many children through as it allows, when they are asked for at once", async () => {
    const top = await root();
    const asked = await Promise.allSettled(Array.from({ length: 6 }, async () => await childOf(top)));
    expect(asked.filter((one) => one.status === "fulfilled")).toHaveLength(2);
    for (const one of asked)
      if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "tree_fan_out_exceeded" });
  });

  it("refuses too many runs in a tree, started or resumed, but never a resume that is owed", async () => {
    const top = await root();
    const child = await childOf(top);
    const resume = async (sessionId: string) =>
      await submit(deps, { type: "resume_session", session_id: sessionId, prompt: "more" });
    for (let made = 2; made < deps.limits.runsPerTreeMax; made++) await resume(child.session_id);
    const before = await everything();
    await refused(resume(child.session_id), "tree_runs_exceeded");
    await refused(childOf(top), "tree_runs_exceeded");
    expect(await everything()).toEqual(before);
    await finish(deps, top);
    await sendMessage(deps, { projectId: P, sessionId: top.agent.sessionId, text: "you there?", ifBusy: "queue" });
    const [owed] = await listRuns(deps.store.db, P, { sessionId: top.agent.sessionId, state: "pending", limit: 5 });
    expect(owed).toMatchObject({ origin: "callback", ready: true });
  });
});

describe("a resume that is owed", () => {
  it("does not expire, however long nobody serves it", async () => {
    const created = await submit(deps);
    await finish(deps, await startAttempt(deps, runner, created.run_id));
    await sendMessage(deps, { projectId: P, sessionId: created.session_id, text: "later", ifBusy: "queue" });
    const pending = async () =>
      await listRuns(deps.store.db, P, { sessionId: created.session_id, state: "pending", limit: 5 });
    const [owed] = await pending();
    expect(owed?.queueExpiresAt).toBeNull();
    await letQueueTimeEnd(deps.store.db, owed?.id ?? "");
    await sweepLeases(deps);
    expect(await pending()).toHaveLength(1);
  });

  it("replaces the run that had taken it along and expired in the queue", async () => {
    const created = await submit(deps);
    await finish(deps, await startAttempt(deps, runner, created.run_id));
    const asked = await submit(deps, {
      type: "resume_session",
      session_id: created.session_id,
      prompt: "for nobody",
      additional_demands: { tags: ["nobody"] },
    });
    await sendMessage(deps, { projectId: P, sessionId: created.session_id, text: "for anybody", ifBusy: "queue" });
    await letQueueTimeEnd(deps.store.db, asked.run_id);
    await sweepLeases(deps);
    const runs = await listRuns(deps.store.db, P, { sessionId: created.session_id, limit: 5 });
    expect(runs.map((run) => [run.origin, run.state, run.outcome])).toEqual([
      ["callback", "pending", null],
      ["request", "failed", "expired"],
      ["request", "completed", "completed"],
    ]);
  });
});
