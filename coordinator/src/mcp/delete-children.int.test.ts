import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { confirmDelivery } from "./confirm-delivery.ts";
import { connectAgent, type McpUser, type ServedMcp, serveMcp } from "./testing/serve-mcp.ts";

let deps: TestDeps;
let runner: RunnerRecord;
let served: ServedMcp;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
  served = await serveMcp(deps);
});
afterAll(async () => {
  await served.close();
  await deps.close();
});

const P = "default";
const exists = async (id: string) => (await findSession(deps.store.db, P, id)) !== null;
const newestRunOf = async (sessionId: string) => (await listRuns(deps.store.db, P, { sessionId, limit: 1 }))[0]?.id;

async function orchestrator(): Promise<{ live: LiveAttempt; agent: McpUser }> {
  const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
  return { live, agent: await connectAgent(served, live) };
}

async function start(agent: McpUser, mode: string): Promise<string> {
  return (await agent.call("start_agent_session", { prompt: "x", mode })).document.session_id;
}

describe("deleting all sessions of an agent", () => {
  it("removes what rests below it, keeps what works, and touches nothing else", async () => {
    const { live, agent } = await orchestrator();
    const stranger = await submit(deps);
    const [done, queued, working] = [
      await start(agent, "async_poll"),
      await start(agent, "async_poll"),
      await start(agent, "async_poll"),
    ];
    await finish(deps, await startAttempt(deps, runner, await newestRunOf(done)));
    const busy = await startAttempt(deps, runner, await newestRunOf(working));
    const grandchild = await submit(deps, {}, busy.agent);
    const { document } = await agent.call("delete_all_agent_sessions", {}, 90);
    expect(document.deleted.toSorted()).toEqual([done, queued, grandchild.session_id].toSorted());
    expect(document.kept).toEqual([working]);
    for (const id of document.deleted) expect(await exists(id)).toBe(false);
    for (const id of [live.agent.sessionId, stranger.session_id, working]) expect(await exists(id)).toBe(true);

    const later = await start(agent, "async_poll");
    expect((await agent.call("delete_all_agent_sessions", {}, 90)).document).toEqual(document);
    expect(await exists(later)).toBe(true);
    await agent.close();
  });

  it("keeps a resting session while something below it works", async () => {
    const { agent } = await orchestrator();
    const child = await start(agent, "async_poll");
    const childLive = await startAttempt(deps, runner, await newestRunOf(child));
    const grandchild = await submit(deps, { execution_mode: "async_poll" }, childLive.agent);
    await startAttempt(deps, runner, grandchild.run_id);
    await finish(deps, childLive);
    const { document } = await agent.call("delete_all_agent_sessions");
    expect(document).toEqual({ deleted: [], kept: [grandchild.session_id, child] });
    await agent.close();
  });

  it("reports a child that it deleted before its end once: in the answer, or as a callback when that was not delivered", async () => {
    for (const delivered of [true, false]) {
      const { live, agent } = await orchestrator();
      const child = await start(agent, "async_callback");
      expect((await agent.call("delete_all_agent_sessions", {}, 44)).document.deleted).toEqual([child]);
      if (delivered) await confirmDelivery(deps, { ...live.agent, incarnation: live.incarnation, call: 44 });
      await finish(deps, live);
      const items = await listItems(deps.store.db, P, live.agent.sessionId, 10);
      expect(items.map((item) => item.state)).toEqual([delivered ? "consumed" : "assigned"]);
      await agent.close();
    }
  });
});
