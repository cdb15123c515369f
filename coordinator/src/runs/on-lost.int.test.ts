import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../runs/stop-run.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { aRunner, type LiveAttempt, startAttempt, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { bindSession } from "./note-progress.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => await findRun(deps.store.db, runId);
async function started(onLost: "resume" | "restart" | "fail", agent: LiveAttempt["agent"] | null = null) {
  const created = await submit(deps, { on_lost: onLost, execution_mode: "async_callback" }, agent);
  return await startAttempt(deps, runner, created.run_id);
}
async function lose(live: LiveAttempt): Promise<void> {
  await letLeaseExpire(deps.store.db, live.agent.runId);
  await sweepLeases(deps);
}
const bind = async (live: LiveAttempt) =>
  await bindSession(deps, { ...live.agent, incarnation: live.incarnation }, "the-agent's-own-id");

describe("a run whose lease is lost", () => {
  it("with on_lost resume goes on where the agent's own conversation stopped, and is told which children it has", async () => {
    const live = await started("resume");
    await bind(live);
    const child = await submit(deps, { execution_mode: "async_callback" }, live.agent);
    await lose(live);
    const { offer } = await startAttempt(deps, runner, live.agent.runId);
    expect(offer).toMatchObject({
      attempt: 2,
      type: "resume_session",
      executor_session_id: "the-agent's-own-id",
    });
    expect(offer.prompt).toContain("<attempt-interrupted>");
    expect(offer.prompt).toContain(child.session_id);
    expect(offer.prompt).toMatch(/do it$/);
  });

  it("with on_lost resume begins again when the agent had no conversation yet", async () => {
    const live = await started("resume");
    await lose(live);
    expect((await startAttempt(deps, runner, live.agent.runId)).offer).toMatchObject({
      type: "start_session",
      executor_session_id: null,
      prompt: "do it",
    });
  });

  it("with on_lost restart begins again from the beginning", async () => {
    const live = await started("restart");
    await bind(live);
    await lose(live);
    expect((await startAttempt(deps, runner, live.agent.runId)).offer).toMatchObject({
      attempt: 2,
      type: "start_session",
      executor_session_id: null,
      prompt: "do it",
    });
  });

  it("with on_lost fail ends as lost, and its parent hears why", async () => {
    const parent = await started("resume");
    const child = await started("fail", parent.agent);
    await lose(child);
    expect(await read(child.agent.runId)).toMatchObject({ state: "failed", outcome: "lost", attempt: 1 });
    expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toMatchObject([
      { payload: { status: "failed", outcome: "lost", error: expect.stringContaining("lost in attempt 1") } },
    ]);
  });

  it("while it is being stopped ends as stopped, whatever its policy says", async () => {
    for (const policy of ["resume", "restart", "fail"] as const) {
      const live = await started(policy);
      await stopSession(deps, {
        projectId: P,
        sessionId: live.agent.sessionId,
        runId: null,
        cascade: true,
        reason: "t",
      });
      await lose(live);
      expect(await read(live.agent.runId)).toMatchObject({ state: "stopped", outcome: "stopped", attempt: 1 });
    }
  });
});
