import { CALL_HEADER } from "@parallax/shared/protocol/attempts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findDutiesOwedTo } from "../store/duties.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSession, listSessions } from "../store/sessions.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import {
  agentHeaders,
  connectAgent,
  connectPerson,
  type McpUser,
  post,
  type ServedMcp,
  serveMcp,
  toolCall,
} from "./testing/serve-mcp.ts";

let deps: TestDeps;
let runner: RunnerRecord;
let served: ServedMcp;
const users: McpUser[] = [];
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
  served = await serveMcp(deps);
});
afterAll(async () => {
  for (const user of users) await user.close();
  await served.close();
  await deps.close();
});

const P = "default";

async function orchestrator(): Promise<{ live: LiveAttempt; agent: McpUser }> {
  const live = await startAttempt(deps, runner, (await submit(deps, { project_dir: "/srv/project" })).run_id);
  return { live, agent: await user(connectAgent(served, live)) };
}

async function user(connecting: Promise<McpUser>): Promise<McpUser> {
  const connected = await connecting;
  users.push(connected);
  return connected;
}

const childrenOf = async (live: LiveAttempt) =>
  await listSessions(deps.store.db, P, { parentSessionId: live.agent.sessionId, limit: 50 });
const dutiesTo = async (live: LiveAttempt) => await findDutiesOwedTo(deps.store.db, P, live.agent.sessionId);

describe("starting a child", () => {
  it("with async_callback answers at once, owes the parent a report and keeps executor and directory", async () => {
    const { live, agent } = await orchestrator();
    const answer = await agent.call("start_agent_session", { parameters: { prompt: "count" }, mode: "async_callback" });
    const [child] = await childrenOf(live);
    expect(answer).toMatchObject({
      isError: false,
      document: { session_id: child?.id, status: "pending" },
      note: expect.stringContaining("end your turn"),
    });
    expect(child).toMatchObject({
      executor: "test",
      projectDir: "/srv/project",
      parentSessionId: live.agent.sessionId,
    });
    const [run] = await listRuns(deps.store.db, P, { sessionId: child?.id, limit: 5 });
    expect(run).toMatchObject({
      origin: "agent",
      prompt: "count",
      parentRunId: live.agent.runId,
      executionMode: "async_callback",
    });
    expect(await dutiesTo(live)).toMatchObject([{ childSessionId: child?.id, parentRunId: live.agent.runId }]);
  });

  it("with async_poll owes nothing", async () => {
    const { live, agent } = await orchestrator();
    await agent.call("start_agent_session", { prompt: "count", mode: "async_poll", agent_name: null });
    expect(await childrenOf(live)).toHaveLength(1);
    expect(await dutiesTo(live)).toEqual([]);
  });

  it("is done once, however often the gateway repeats the call", async () => {
    const { live, agent } = await orchestrator();
    const given = { prompt: "once", mode: "async_callback" };
    const first = await agent.call("start_agent_session", given, 70);
    const second = await agent.call("start_agent_session", given, 70);
    expect(second).toEqual(first);
    expect(await childrenOf(live)).toHaveLength(1);
    await agent.call("start_agent_session", given, 71);
    expect(await childrenOf(live)).toHaveLength(2);
  });

  it("is done once when repeats race", async () => {
    const { live } = await orchestrator();
    const repeats = await Promise.all([1, 2, 3, 4].map(async () => await user(connectAgent(served, live))));
    const answers = await Promise.all(
      repeats.map(
        async (agent) => await agent.call("start_agent_session", { prompt: "race", mode: "async_callback" }, 500),
      ),
    );
    expect(await childrenOf(live)).toHaveLength(1);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it("refuses a call number that was another tool's, and an agent's call without one", async () => {
    const { live, agent } = await orchestrator();
    await agent.call("delete_all_agent_sessions", {}, 9);
    expect(await agent.call("start_agent_session", { prompt: "x", mode: "async_poll" }, 9)).toMatchObject({
      isError: true,
      document: { code: "idempotency_conflict" },
    });
    const response = await post(
      served,
      agentHeaders(live),
      toolCall("start_agent_session", { prompt: "x", mode: "async_poll" }),
    );
    expect(JSON.stringify(await response.json())).toContain(CALL_HEADER);
    expect(await childrenOf(live)).toEqual([]);
  });

  it("refuses what it does not understand and leaves no trace of it", async () => {
    const { live, agent } = await orchestrator();
    const refused = async (given: Record<string, unknown>) => {
      const { isError, document } = await agent.call("start_agent_session", { mode: "async_poll", ...given });
      return isError ? document.code : "accepted";
    };
    expect(await refused({ prompt: "x", colour: "red" })).toBe("invalid_request");
    expect(await refused({ prompt: "x", mode: "later" })).toBe("invalid_request");
    expect(await refused({})).toBe("parameter_validation_failed");
    expect(await refused({ parameters: { prompt: "x", more: 1 } })).toBe("parameter_validation_failed");
    expect(await refused({ parameters: { prompt: "x".repeat(100_001) } })).toBe("invalid_request");
    expect(await refused({ prompt: "x".repeat(100_001) })).toBe("invalid_request");
    expect(await refused({ prompt: "x", parameters: { prompt: "y" } })).toBe("invalid_request");
    expect(await refused({ prompt: "x", agent_name: "nobody" })).toBe("blueprint_not_found");
    expect(await refused({ prompt: "x", project_dir: "relative" })).toBe("invalid_request");
    expect(await refused({ prompt: "x", workspace: "worktree" })).toBe("unsupported_option");
    expect(await childrenOf(live)).toEqual([]);
  });

  it("fails the whole request while the database is away, and the repeat does it once", async () => {
    const { live } = await orchestrator();
    let away = true;
    const flaky = await serveMcp({
      ...deps,
      store: {
        ...deps.store,
        transaction: async (work) =>
          away
            ? Promise.reject(Object.assign(new Error("gone"), { code: "ECONNREFUSED" }))
            : await deps.store.transaction(work),
      },
    });
    const headers = { ...agentHeaders(live), [CALL_HEADER]: "3" };
    for (const mode of ["sync", "async_poll"]) {
      const response = await post(flaky, headers, toolCall("start_agent_session", { prompt: "x", mode }));
      expect(response.status).toBe(503);
    }
    away = false;
    const response = await post(flaky, headers, toolCall("start_agent_session", { prompt: "x", mode: "async_poll" }));
    expect(response.status).toBe(200);
    expect(await childrenOf(live)).toHaveLength(1);
    await flaky.close();
  });
});

describe("an agent's reach", () => {
  it("ends at its own descendants: everything else looks unknown", async () => {
    const { live, agent } = await orchestrator();
    const stranger = await submit(deps);
    const { document: child } = await agent.call("start_agent_session", { prompt: "x", mode: "async_poll" });
    const grandchild = await submit(
      deps,
      {},
      (
        await startAttempt(
          deps,
          runner,
          (
            await listRuns(deps.store.db, P, { sessionId: child.session_id, limit: 1 })
          )[0]?.id,
        )
      ).agent,
    );
    const listed = (await agent.call("list_agent_sessions")).document.map(
      (session: { session_id: string }) => session.session_id,
    );
    expect(listed.toSorted()).toEqual([child.session_id, grandchild.session_id].toSorted());
    for (const [tool, given] of [
      ["get_agent_session_status", {}],
      ["get_agent_session_result", {}],
      ["resume_agent_session", { prompt: "hi", mode: "async_poll" }],
    ] as const) {
      const unknown = await agent.call(tool, { session_id: "ses_nowhere", ...given });
      expect(unknown).toMatchObject({
        isError: true,
        document: { code: "session_not_found", hint: expect.stringContaining("list_agent_sessions") },
      });
      for (const id of [stranger.session_id, live.agent.sessionId]) {
        const outside = await agent.call(tool, { session_id: id, ...given });
        expect(outside.document).toEqual(JSON.parse(JSON.stringify(unknown.document).replaceAll("ses_nowhere", id)));
      }
    }
    expect(
      (await agent.call("get_agent_session_status", { session_id: grandchild.session_id })).document,
    ).toMatchObject({ status: "pending", settled: false });
    expect(
      (
        await agent.call("resume_agent_session", {
          session_id: grandchild.session_id,
          prompt: "and",
          mode: "async_callback",
        })
      ).isError,
    ).toBe(false);
    expect(await dutiesTo(live)).toMatchObject([{ childSessionId: grandchild.session_id }]);
  });
});

describe("results", () => {
  it("are read when a session is done, long ones in parts that together are the whole", async () => {
    const { agent } = await orchestrator();
    const { document: child } = await agent.call("start_agent_session", { prompt: "x", mode: "async_poll" });
    const id = { session_id: child.session_id };
    expect(await agent.call("get_agent_session_result", id)).toMatchObject({
      isError: true,
      document: { code: "session_not_settled" },
    });
    const text = "é🙂".repeat(40_000);
    const [run] = await listRuns(deps.store.db, P, { sessionId: child.session_id, limit: 1 });
    await finish(deps, await startAttempt(deps, runner, run?.id), { resultText: text, resultData: { n: 1 } });
    let whole = "";
    for (let offset: number | undefined = 0; offset !== undefined; ) {
      const { document } = await agent.call("get_agent_session_result", { ...id, offset });
      expect(document.result_data).toEqual({ n: 1 });
      whole += document.result_text.replace(/\n\n\[cut after [^\n]*\]$/, "");
      offset = document.next_offset;
    }
    expect(whole).toBe(text);
    expect((await agent.call("get_agent_session_status", id)).document).toMatchObject({
      status: "idle",
      settled: true,
      outcome: "completed",
    });
  });
});

describe("a person's client", () => {
  it("starts sessions of the project, but none can call it back", async () => {
    const person = await user(connectPerson(served));
    expect(
      await person.call("start_agent_session", { prompt: "x", executor: "test", mode: "async_callback" }),
    ).toMatchObject({ isError: true, document: { code: "unsupported_option" } });
    const { document } = await person.call("start_agent_session", {
      prompt: "x",
      executor: "test",
      mode: "async_poll",
    });
    expect(await findSession(deps.store.db, P, document.session_id)).toMatchObject({
      parentSessionId: null,
      executor: "test",
    });
  });
});
