import { setTimeout as sleep } from "node:timers/promises";
import { CALL_HEADER } from "@parallax/shared/protocol/attempts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { reportLoss } from "../leases/report-loss.ts";
import { findDutiesOwedTo } from "../store/duties.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { listSessions } from "../store/sessions.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { confirmDelivery } from "./confirm-delivery.ts";
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
import { whenReady } from "./testing/when-ready.ts";

let deps: TestDeps;
let runner: RunnerRecord;
let served: ServedMcp;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
  served = await serveMcp(deps, 50);
});
afterAll(async () => {
  await served.close();
  await deps.close();
});

const P = "default";
const CALL = 800;

async function orchestrator(): Promise<{ live: LiveAttempt; agent: McpUser }> {
  const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
  return { live, agent: await connectAgent(served, live) };
}

const items = async (live: LiveAttempt) => await listItems(deps.store.db, P, live.agent.sessionId, 10);
const delivered = (live: LiveAttempt, call = CALL) => ({
  runId: live.agent.runId,
  attempt: live.agent.attempt,
  incarnation: live.incarnation,
  call,
});

/** The child of a call that waits: it is there as soon as the call's first transaction has committed. */
async function childOf(live: LiveAttempt): Promise<LiveAttempt> {
  const run = await whenReady(deps, async () => {
    const [child] = await listSessions(deps.store.db, P, { parentSessionId: live.agent.sessionId, limit: 1 });
    return child === undefined ? undefined : await readyRunOf(child.id);
  });
  return await startAttempt(deps, runner, run.id);
}

const readyRunOf = async (sessionId: string) =>
  (await listRuns(deps.store.db, P, { sessionId, state: "pending", limit: 5 })).find((run) => run.ready);

const callbackOf = async (live: LiveAttempt) =>
  (await listRuns(deps.store.db, P, { sessionId: live.agent.sessionId, limit: 5 })).find(
    (run) => run.origin === "callback",
  );

describe("a synchronous call", () => {
  it("waits for the child's end; what it handed out is consumed once the gateway delivered it", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "add" }, CALL);
    const child = await childOf(live);
    await finish(deps, child, { resultText: "42", resultData: { sum: 42 } });
    expect(await answer).toEqual({
      isError: false,
      note: undefined,
      document: { session_id: child.agent.sessionId, result_text: "42", result_data: { sum: 42 } },
    });
    expect(await items(live)).toMatchObject([{ state: "new", reservedBy: `${live.agent.runId}/1/${CALL}` }]);
    await confirmDelivery(deps, delivered(live));
    expect(await items(live)).toMatchObject([{ state: "consumed", reservedBy: null }]);
    await confirmDelivery(deps, delivered(live));
    await finish(deps, live);
    expect(await callbackOf(live)).toBeUndefined();
    await agent.close();
  });

  it("that nobody confirmed becomes a callback when the parent's run ends, and a late confirmation changes nothing", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "add" }, CALL);
    await finish(deps, await childOf(live), { resultText: "42" });
    await answer;
    await finish(deps, live);
    const callback = await callbackOf(live);
    await confirmDelivery(deps, delivered(live));
    expect(await items(live)).toMatchObject([{ state: "assigned", runId: callback?.id, reservedBy: null }]);
    expect((await startAttempt(deps, runner, callback?.id)).offer.prompt).toContain("42");
    await agent.close();
  });

  it("is confirmed by its own supervisor alone", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "add" }, CALL);
    await finish(deps, await childOf(live));
    await answer;
    await expect(confirmDelivery(deps, { ...delivered(live), incarnation: "inc_other" })).rejects.toMatchObject({
      code: "supervisor_superseded",
    });
    await confirmDelivery(deps, delivered(live, CALL + 1));
    expect(await items(live)).toMatchObject([{ state: "new" }]);
    await agent.close();
  });

  it("that broke off goes on waiting for the same child when the gateway repeats it, and answers repeats alike", async () => {
    const { live, agent } = await orchestrator();
    const broken = new AbortController();
    const headers = { ...agentHeaders(live), [CALL_HEADER]: String(CALL) };
    const response = await post(served, headers, toolCall("start_agent_session", { prompt: "add" }), broken.signal);
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const child = await childOf(live);
    broken.abort();
    await finish(deps, child, { resultText: "42" });
    expect(await items(live)).toMatchObject([{ state: "new", reservedBy: null }]);
    const first = await agent.call("start_agent_session", { prompt: "add" }, CALL);
    expect(first.document).toMatchObject({ session_id: child.agent.sessionId, result_text: "42" });
    expect(await agent.call("start_agent_session", { prompt: "add" }, CALL)).toEqual(first);
    expect(await listSessions(deps.store.db, P, { parentSessionId: live.agent.sessionId, limit: 5 })).toHaveLength(1);
    await agent.close();
  });

  it("stops waiting when its connection is gone, and hands nothing out to nobody", async () => {
    const { live, agent } = await orchestrator();
    const waits = new Set<Promise<boolean>>();
    const watched = await serveMcp({
      ...deps,
      wake: {
        ...deps.wake,
        waitFor: (...given) => {
          const wait = deps.wake.waitFor(...given).finally(() => waits.delete(wait));
          waits.add(wait);
          return wait;
        },
      },
    });
    const gone = new AbortController();
    const headers = { ...agentHeaders(live), [CALL_HEADER]: String(CALL) };
    await post(watched, headers, toolCall("start_agent_session", { prompt: "add" }), gone.signal);
    const child = await childOf(live);
    gone.abort();
    while (waits.size > 0) await Promise.all(waits);
    await finish(deps, child);
    await finish(deps, live);
    expect((await items(live)).map((item) => item.runId)).toEqual([(await callbackOf(live))?.id]);
    await agent.close();
    await watched.close();
  });

  it("outlives a time in which its attempt was cut off, and what came in between is handed out once", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "add" }, CALL);
    const child = await childOf(live);
    await reportLoss(deps, { ...live.agent, runnerId: runner.id, proven: true }, runner.instanceId ?? "", "cut off");
    await finish(deps, child, { resultText: "42" });
    expect(await items(live)).toMatchObject([{ state: "assigned", runId: live.agent.runId }]);
    await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames: [], acknowledgedDirectives: [] });
    expect((await answer).document).toMatchObject({ result_text: "42" });
    await confirmDelivery(deps, delivered(live));
    await finish(deps, live);
    expect(await items(live)).toMatchObject([{ state: "consumed" }]);
    expect(await callbackOf(live)).toBeUndefined();
    await agent.close();
  });

  it("and its racing repeats hand out one report under one number", async () => {
    const { live, agent } = await orchestrator();
    const other = await connectAgent(served, live, 100);
    const answers = [
      agent.call("start_agent_session", { prompt: "add" }, CALL),
      other.call("start_agent_session", { prompt: "add" }, CALL),
    ];
    await finish(deps, await childOf(live), { resultText: "42" });
    const [one, two] = await Promise.all(answers);
    expect(one).toEqual(two);
    expect(await items(live)).toHaveLength(1);
    await Promise.all([agent.close(), other.close()]);
  });

  it("tells of a failed child as an error with its reason", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "add" }, CALL);
    const child = await childOf(live);
    await finish(deps, child, {
      outcome: "timeout",
      resultText: "as far as I came",
      error: { code: "timeout", message: "took too long" },
    });
    expect(await answer).toMatchObject({
      isError: true,
      document: {
        error: "took too long",
        code: "timeout",
        outcome: "timeout",
        session_id: child.agent.sessionId,
        result_text: "as far as I came",
      },
    });
    await agent.close();
  });

  it("resumes a child and reports its newest end; two calls for one child share the report", async () => {
    const { live, agent } = await orchestrator();
    const { document } = await agent.call("start_agent_session", { prompt: "x", mode: "async_poll" });
    await finish(deps, await childOf(live), { resultText: "first" });
    const other = await connectAgent(served, live, 100);
    const given = { session_id: document.session_id, parameters: { prompt: "again" } };
    const answers = [agent.call("resume_agent_session", given, 31), other.call("resume_agent_session", given, 32)];
    for (const text of ["resumed once", "resumed twice"]) {
      const { id } = await whenReady(deps, async () => await readyRunOf(document.session_id));
      await finish(deps, await startAttempt(deps, runner, id), { resultText: text });
    }
    for (const answer of await Promise.all(answers))
      expect(answer.document).toMatchObject({
        session_id: document.session_id,
        result_text: expect.stringMatching(/^resumed/),
      });
    await Promise.all([agent.close(), other.close()]);
  });

  it("ends with a refusal when its attempt is superseded", async () => {
    const { live, agent } = await orchestrator();
    const answer = agent.call("start_agent_session", { prompt: "x" }, CALL);
    const child = await childOf(live);
    await reportLoss(
      deps,
      { runId: live.agent.runId, attempt: 1, runnerId: runner.id, proven: true },
      runner.instanceId ?? "",
      "test",
    );
    const next = await startAttempt(deps, runner, live.agent.runId);
    expect(next.agent.attempt).toBe(2);
    expect(await answer).toMatchObject({ isError: true, document: { code: "attempt_superseded" } });
    await finish(deps, child, { resultText: "late" });
    await finish(deps, next);
    expect(await callbackOf(live)).toBeDefined();
    await agent.close();
  });

  it("is kept alive while it waits, with progress for clients that ask for it", async () => {
    const { live, agent } = await orchestrator();
    const heard: number[] = [];
    const thrice = Promise.withResolvers<void>();
    const answer = agent.client.callTool({ name: "start_agent_session", arguments: { prompt: "x" } }, undefined, {
      onprogress: ({ progress }) => {
        heard.push(progress);
        if (heard.length === 3) thrice.resolve();
      },
    });
    const child = await childOf(live);
    await thrice.promise;
    await finish(deps, child);
    await answer;
    expect(heard.slice(0, 3)).toEqual([1, 2, 3]);
    await agent.close();

    const silent = await orchestrator();
    const response = await post(
      served,
      { ...agentHeaders(silent.live), [CALL_HEADER]: "5" },
      toolCall("start_agent_session", { prompt: "x" }),
    );
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toMatch(/^:/);
    await reader?.cancel();
    await silent.agent.close();
  });

  it("of a person waits too", async () => {
    const person = await connectPerson(served);
    const answer = person.call("start_agent_session", { prompt: "for a person", executor: "test" });
    const { id } = await whenReady(deps, async () =>
      (await listRuns(deps.store.db, P, { state: "pending", limit: 5 })).find((run) => run.prompt === "for a person"),
    );
    await finish(deps, await startAttempt(deps, runner, id), { resultText: "here" });
    expect((await answer).document).toMatchObject({ result_text: "here" });
    await person.close();
  });
});

describe("a synchronous call for a child that does not move", () => {
  it("answers pending after a while, and the report becomes a callback", async () => {
    const impatient = await serveMcp({ ...deps, limits: { ...deps.limits, syncStallMs: 300 } });
    const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const agent = await connectAgent(impatient, live);
    const answer = await agent.call("start_agent_session", { prompt: "nobody takes it" }, CALL);
    expect(answer).toMatchObject({
      isError: false,
      document: { status: "pending", note: expect.stringContaining("end your turn") },
    });
    expect(await agent.call("start_agent_session", { prompt: "nobody takes it" }, CALL)).toEqual(answer);
    expect(await findDutiesOwedTo(deps.store.db, P, live.agent.sessionId)).toHaveLength(1);
    await confirmDelivery(deps, delivered(live));
    await finish(deps, live);
    await finish(deps, await childOf(live), { resultText: "after all" });
    expect((await startAttempt(deps, runner, (await callbackOf(live))?.id)).offer.prompt).toContain("after all");
    await agent.close();
    await impatient.close();
  });

  it("waits as long as something below the child works", async () => {
    const impatient = await serveMcp({ ...deps, limits: { ...deps.limits, syncStallMs: 300 } });
    const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const agent = await connectAgent(impatient, live);
    const answer = agent.call("start_agent_session", { prompt: "delegates" }, CALL);
    const child = await childOf(live);
    const grandchild = await startAttempt(
      deps,
      runner,
      (await submit(deps, { execution_mode: "async_callback" }, child.agent)).run_id,
    );
    await finish(deps, child, { resultText: "waiting for my own" });
    // longer than the limit, and than one look of the waiting call
    await sleep(2_500);
    await finish(deps, grandchild, { resultText: "deep" });
    await finish(deps, await startAttempt(deps, runner, (await callbackOf(child))?.id), { resultText: "all of it" });
    expect((await answer).document).toMatchObject({ session_id: child.agent.sessionId, result_text: "all of it" });
    await agent.close();
    await impatient.close();
  });
});
