import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sweepForgotten } from "../leases/sweep-forgotten.ts";
import { stopSession } from "../runs/stop-run.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findSession } from "../store/sessions.ts";
import { forgetToSettle } from "../store/testing/forget.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { releaseInbox } from "./release-inbox.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const P = "default";
const session = async (id: string) => await findSession(deps.store.db, P, id);
const live = async (runId: string) => await startAttempt(deps, runner, runId);
const childOf = async (parent: LiveAttempt) => await submit(deps, { execution_mode: "async_callback" }, parent.agent);
const stopAlone = async (sessionId: string) =>
  await stopSession(deps, { projectId: P, sessionId, runId: null, cascade: false, reason: "test" });

describe("a session is settled", () => {
  it("no longer when somebody starts a child for it whose report it will get", async () => {
    const created = await submit(deps);
    await finish(deps, await live(created.run_id));
    expect((await session(created.session_id))?.settledAt).not.toBeNull();
    const child = await submit(deps, { parent_session_id: created.session_id, execution_mode: "async_callback" });
    expect(await session(created.session_id)).toMatchObject({ state: "waiting", settledAt: null });
    await finish(deps, await live(child.run_id));
    const [item] = await listItems(deps.store.db, P, created.session_id, 5);
    await finish(deps, await live(item?.runId ?? ""));
    expect(await session(created.session_id)).toMatchObject({ state: "idle" });
    expect((await session(created.session_id))?.settledAt).not.toBeNull();
  });

  it("when it was stopped, whatever it holds, and no longer when its inbox is released", async () => {
    const grandparent = await live((await submit(deps)).run_id);
    const parent = await live((await childOf(grandparent)).run_id);
    const child = await childOf(parent);
    await finish(deps, parent);
    await stopAlone(parent.agent.sessionId);
    expect(await session(parent.agent.sessionId)).toMatchObject({ state: "stopped", held: true });
    expect((await session(parent.agent.sessionId))?.settledAt).not.toBeNull();
    expect(await listItems(deps.store.db, P, grandparent.agent.sessionId, 5)).toMatchObject([
      { kind: "child_done", childSessionId: parent.agent.sessionId, payload: { status: "completed" } },
    ]);
    await releaseInbox(deps, P, parent.agent.sessionId);
    expect((await session(parent.agent.sessionId))?.settledAt).toBeNull();
    await finish(deps, await live(child.run_id));
    const [item] = await listItems(deps.store.db, P, parent.agent.sessionId, 5);
    expect(item?.state).toBe("assigned");
  });

  it("at the latest when the sweep looks, and its parent is told then", async () => {
    const parent = await live((await submit(deps)).run_id);
    const child = await childOf(parent);
    await finish(deps, await live(child.run_id));
    await forgetToSettle(deps.store.db, P, child.session_id);
    await sweepForgotten(deps);
    expect((await session(child.session_id))?.settledAt).not.toBeNull();
    expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toHaveLength(1);
  });
});
