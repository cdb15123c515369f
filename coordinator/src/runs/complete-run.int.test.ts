import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun, listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { stopSession } from "./stop-run.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => await findRun(deps.store.db, runId);
const root = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const childOf = async (parent: LiveAttempt) => {
  const created = await submit(deps, { execution_mode: "async_callback" }, parent.agent);
  return await startAttempt(deps, runner, created.run_id);
};
const resumeOf = async (live: LiveAttempt) => {
  const [run] = await listRuns(deps.store.db, P, { sessionId: live.agent.sessionId, state: "pending", limit: 1 });
  return await startAttempt(deps, runner, run?.id);
};

describe("a completion", () => {
  it("carries what was told before, because the calls that told it may have been lost", async () => {
    const parent = await root();
    await finish(deps, await childOf(parent));
    await finish(deps, parent);
    const woken = await resumeOf(parent);
    await finish(deps, woken, {
      itemsTaken: woken.offer.items,
      executorSessionId: "the-agent's-own-id",
      usage: { input_tokens: 7 },
    });
    expect(await listItems(deps.store.db, P, parent.agent.sessionId, 5)).toMatchObject([{ state: "consumed" }]);
    expect(await findSession(deps.store.db, P, parent.agent.sessionId)).toMatchObject({
      executorSessionId: "the-agent's-own-id",
    });
    expect(await read(woken.agent.runId)).toMatchObject({ usage: { input_tokens: 7 } });
  });

  it("applies what was taken before it returns the rest, and judges settled after both", async () => {
    const parent = await root();
    const [one, two] = [await childOf(parent), await childOf(parent)];
    await finish(deps, one, { resultText: "one" });
    await finish(deps, two, { resultText: "two" });
    await finish(deps, parent);
    const woken = await resumeOf(parent);
    const [first, second] = woken.offer.items;
    await finish(deps, woken, { itemsTaken: [first ?? ""] });
    const items = await listItems(deps.store.db, P, parent.agent.sessionId, 5);
    expect(Object.fromEntries(items.map((item) => [item.id, item.state]))).toEqual({
      [first ?? ""]: "consumed",
      [second ?? ""]: "new",
    });
    expect(await findSession(deps.store.db, P, parent.agent.sessionId)).toMatchObject({
      state: "waiting",
      settledAt: null,
    });
  });

  it("takes no item that its attempt was never told of, whoever names it", async () => {
    const [stranger, author] = [await root(), await root()];
    await finish(deps, await childOf(stranger));
    const [item] = await listItems(deps.store.db, P, stranger.agent.sessionId, 5);
    await finish(deps, author, { itemsTaken: [item?.id ?? "", "itm_nowhere"] });
    expect(await listItems(deps.store.db, P, stranger.agent.sessionId, 5)).toMatchObject([{ state: "new" }]);
  });

  it("in a stop says what the agent made of it: done is done, cut short is stopped", async () => {
    for (const [said, state] of [
      ["completed", "completed"],
      ["interrupted", "stopped"],
      ["stopped", "stopped"],
      ["agent_error", "failed"],
    ] as const) {
      const live = await root();
      await stopSession(deps, {
        projectId: P,
        sessionId: live.agent.sessionId,
        runId: null,
        cascade: true,
        reason: "t",
      });
      await finish(deps, live, { outcome: said });
      expect(await read(live.agent.runId)).toMatchObject({ state });
    }
  });

  it("that does not vouch for the end of its processes keeps the session occupied until its lease would have run out", async () => {
    const live = await root();
    const lease = (await read(live.agent.runId))?.leaseExpiresAt;
    await finish(deps, live, { treeGone: false });
    const next = await submit(deps, { type: "resume_session", session_id: live.agent.sessionId, prompt: "next" });
    expect(await read(next.run_id)).toMatchObject({ ready: false, waitingFor: "session_occupied" });
    expect(await findSession(deps.store.db, P, live.agent.sessionId)).toMatchObject({ occupiedUntil: lease });
  });
});
