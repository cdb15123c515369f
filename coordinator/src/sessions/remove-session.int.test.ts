import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../runs/stop-run.ts";
import { findDutiesOwedTo } from "../store/duties.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { aRunner, finish, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { releaseInbox } from "./release-inbox.ts";
import { removeSession } from "./remove-session.ts";
import { sendMessage } from "./send-message.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const P = "default";
const session = async (id: string) => await findSession(deps.store.db, P, id);

describe("deleting a session", () => {
  it("takes the messages with it that wait for its next run", async () => {
    const created = await submit(deps);
    await finish(deps, await startAttempt(deps, runner, created.run_id));
    await sendMessage(deps, { projectId: P, sessionId: created.session_id, text: "wait", ifBusy: "queue" });
    await removeSession(deps, P, created.session_id);
    expect(await session(created.session_id)).toBeNull();
    expect(await listRuns(deps.store.db, P, { sessionId: created.session_id, limit: 5 })).toEqual([]);
  });

  it("before it has settled pays what it owes as deleted, and its parent goes on", async () => {
    const parent = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const child = await submit(deps, { execution_mode: "async_callback" }, parent.agent);
    const childLive = await startAttempt(deps, runner, child.run_id);
    await submit(deps, { execution_mode: "async_callback" }, childLive.agent);
    await finish(deps, childLive);
    await finish(deps, parent);
    expect(await session(parent.agent.sessionId)).toMatchObject({ state: "waiting", settledAt: null });
    await removeSession(deps, P, child.session_id);
    expect(await findDutiesOwedTo(deps.store.db, P, parent.agent.sessionId)).toEqual([]);
    const [item] = await listItems(deps.store.db, P, parent.agent.sessionId, 5);
    expect(item).toMatchObject({
      state: "assigned",
      childSessionId: child.session_id,
      payload: { status: "failed", error: "Session was deleted", result_text: "done" },
    });
    const woken = await startAttempt(deps, runner, item?.runId);
    await finish(deps, woken);
    expect((await session(parent.agent.sessionId))?.settledAt).not.toBeNull();
  });

  it("is refused while it works, and its children live on without a parent", async () => {
    const parent = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const child = await submit(deps, { execution_mode: "async_callback" }, parent.agent);
    await expect(removeSession(deps, P, parent.agent.sessionId)).rejects.toMatchObject({ code: "session_active" });
    await finish(deps, parent);
    await removeSession(deps, P, parent.agent.sessionId);
    expect(await session(child.session_id)).toMatchObject({ parentSessionId: null, state: "pending" });
    await finish(deps, await startAttempt(deps, runner, child.run_id));
    expect((await session(child.session_id))?.settledAt).not.toBeNull();
  });
});

describe("whoever speaks to a session while it is being deleted", () => {
  it("is either heard before or told that there is no such session", async () => {
    const speak: readonly ((sessionId: string) => Promise<unknown>)[] = [
      async (sessionId) => await sendMessage(deps, { projectId: P, sessionId, text: "hello?", ifBusy: "queue" }),
      async (sessionId) => await releaseInbox(deps, P, sessionId),
      async (sessionId) => await submit(deps, { type: "resume_session", session_id: sessionId, prompt: "go on" }),
      async (sessionId) => await submit(deps, { parent_session_id: sessionId, callback: true }),
      async (sessionId) =>
        await stopSession(deps, { projectId: P, sessionId, runId: null, cascade: true, reason: "test" }),
    ];
    for (const word of speak)
      for (let round = 0; round < 4; round++) {
        const { session_id } = await submit(deps);
        const [spoken] = await Promise.allSettled([word(session_id), removeSession(deps, P, session_id)]);
        if (spoken.status === "rejected")
          expect(["session_not_found", "parent_not_found"]).toContain((spoken.reason as { code: string }).code);
      }
  });
});
