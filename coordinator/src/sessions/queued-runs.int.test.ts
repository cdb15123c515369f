import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../runs/stop-run.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { letQueueTimeEnd } from "../store/testing/let-time-pass.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const P = "default";
const session = async (id: string) => await findSession(deps.store.db, P, id);
const stop = async (sessionId: string, runId: string | null = null) =>
  await stopSession(deps, { projectId: P, sessionId, runId, cascade: true, reason: "test" });

/** A child at work that owes its parent a report, and one more run in its line. */
async function busyChild(): Promise<{ parent: LiveAttempt; child: LiveAttempt; queued: string }> {
  const parent = await startAttempt(deps, runner, (await submit(deps)).run_id);
  const created = await submit(deps, { execution_mode: "async_callback" }, parent.agent);
  const child = await startAttempt(deps, runner, created.run_id);
  const queued = await submit(deps, { type: "resume_session", session_id: created.session_id, prompt: "and then" });
  return { parent, child, queued: queued.run_id };
}
const reports = async (of: LiveAttempt) => await listItems(deps.store.db, P, of.agent.sessionId, 10);

describe("a run that waits behind another", () => {
  it("ends alone when it is stopped: its session goes on working and reports only its real end", async () => {
    const { parent, child, queued } = await busyChild();
    expect(await stop(child.agent.sessionId, queued)).toMatchObject({ status: "stopped", stoppedRuns: [queued] });
    expect(await session(child.agent.sessionId)).toMatchObject({ state: "running", settledAt: null, held: false });
    expect(await reports(parent)).toEqual([]);
    await finish(deps, child, { resultText: "the real end" });
    expect((await reports(parent)).map((item) => item.payload)).toMatchObject([
      { run_id: child.agent.runId, status: "completed", result_text: "the real end" },
    ]);
  });

  it("ends alone when its queue time is over", async () => {
    const { parent, child, queued } = await busyChild();
    await letQueueTimeEnd(deps.store.db, queued);
    await sweepLeases(deps);
    expect(await findRun(deps.store.db, queued)).toMatchObject({ state: "failed", outcome: "expired" });
    expect(await session(child.agent.sessionId)).toMatchObject({ state: "running", settledAt: null });
    expect(await reports(parent)).toEqual([]);
    await finish(deps, child);
    expect(await reports(parent)).toMatchObject([{ payload: { status: "completed" } }]);
  });

  it("is stopped with its session, which is stopping until the one at work has ended", async () => {
    const { parent, child, queued } = await busyChild();
    expect((await stop(child.agent.sessionId)).stoppedRuns).toEqual([child.agent.runId, queued]);
    expect(await session(child.agent.sessionId)).toMatchObject({ state: "stopping", settledAt: null });
    expect(await reports(parent)).toEqual([]);
    await finish(deps, child, { outcome: "stopped", resultText: "as far as I came" });
    expect(await session(child.agent.sessionId)).toMatchObject({ state: "stopped" });
    expect(await reports(parent)).toMatchObject([{ payload: { run_id: child.agent.runId, outcome: "stopped" } }]);
  });

  it("leaves a session that has not started yet as it was when it is stopped", async () => {
    const first = await submit(deps);
    const second = await submit(deps, { type: "resume_session", session_id: first.session_id, prompt: "and then" });
    await stop(first.session_id, second.run_id);
    expect(await session(first.session_id)).toMatchObject({ state: "pending", settledAt: null });
    await stop(first.session_id);
    expect(await session(first.session_id)).toMatchObject({ state: "stopped" });
    expect((await session(first.session_id))?.settledAt).not.toBeNull();
  });
});
