import { CALL_HEADER, INCARNATION_HEADER } from "@parallax/shared/protocol/attempts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportLoss } from "../leases/report-loss.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import {
  ADMIN_KEY,
  agentHeaders,
  connectAgent,
  connectPerson,
  post,
  type ServedMcp,
  serveMcp,
  toolCall,
} from "./testing/serve-mcp.ts";

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

async function parent(): Promise<LiveAttempt> {
  return await startAttempt(deps, runner, (await submit(deps)).run_id);
}

const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };

async function refusal(response: Response): Promise<[number, string]> {
  const body = (await response.json()) as { detail: { code: string } };
  return [response.status, body.detail.code];
}

describe("the tools", () => {
  it("are exactly the seven of the seeds, each with a description and a closed schema", async () => {
    const agent = await connectAgent(served, await parent());
    const { tools } = await agent.client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      "list_agent_blueprints",
      "list_agent_sessions",
      "start_agent_session",
      "resume_agent_session",
      "get_agent_session_status",
      "get_agent_session_result",
      "delete_all_agent_sessions",
    ]);
    for (const tool of tools) {
      expect(tool.description?.length).toBeGreaterThan(50);
      expect(tool.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
      expect(tool.inputSchema).not.toHaveProperty("$schema");
    }
    const start = tools.find((tool) => tool.name === "start_agent_session");
    expect(start?.inputSchema.required).toBeUndefined();
    expect(start?.inputSchema.properties).toMatchObject({
      mode: { default: "sync", enum: ["sync", "async_poll", "async_callback"] },
    });
    await agent.close();
  });

  it("answer an unknown name and an unknown method with a JSON-RPC error", async () => {
    const agent = await connectAgent(served, await parent());
    await expect(agent.call("rm_rf")).rejects.toThrow(/no tool 'rm_rf'/);
    const response = await post(
      served,
      { authorization: `Bearer ${ADMIN_KEY}` },
      { jsonrpc: "2.0", id: 7, method: "prompts/list" },
    );
    expect(await response.json()).toMatchObject({ id: 7, error: { code: -32601 } });
    await agent.close();
  });
});

describe("who may call", () => {
  it("refuses a call without a key, with a wrong key and with a token that was tampered with", async () => {
    const live = await parent();
    expect(await refusal(await post(served, {}, LIST))).toEqual([401, "unauthorized"]);
    expect(await refusal(await post(served, { authorization: "Bearer plx_other" }, LIST))).toEqual([
      401,
      "unauthorized",
    ]);
    const forged = { ...agentHeaders(live), authorization: `Bearer ${live.offer.lease_token.slice(0, -2)}xx` };
    expect(await refusal(await post(served, forged, LIST))).toEqual([401, "lease_token_invalid"]);
  });

  it("refuses a token whose call does not come through the supervisor that holds the attempt", async () => {
    const live = await parent();
    const { authorization } = agentHeaders(live);
    expect(await refusal(await post(served, { authorization: String(authorization) }, LIST))).toEqual([
      409,
      "supervisor_superseded",
    ]);
    expect(
      await refusal(await post(served, { ...agentHeaders(live), [INCARNATION_HEADER]: "inc_other" }, LIST)),
    ).toEqual([409, "supervisor_superseded"]);
  });

  it("refuses an attempt that has ended", async () => {
    const live = await parent();
    await finish(deps, live);
    expect(await refusal(await post(served, agentHeaders(live), LIST))).toEqual([409, "run_terminal"]);
  });

  it("asks a cut-off attempt to repeat until it is taken up again or superseded, then refuses it", async () => {
    const live = await parent();
    await reportLoss(
      deps,
      { runId: live.agent.runId, attempt: 1, runnerId: runner.id, proven: true },
      runner.instanceId ?? "",
      "supervisor died",
    );
    expect(await refusal(await post(served, agentHeaders(live), LIST))).toEqual([503, "attempt_cut_off"]);
    await startAttempt(deps, runner, live.agent.runId);
    expect(await refusal(await post(served, agentHeaders(live), LIST))).toEqual([409, "attempt_superseded"]);
  });

  it("lets a stopping run read, and nothing more", async () => {
    const live = await parent();
    const agent = await connectAgent(served, live);
    await stopSession(deps, {
      projectId: "default",
      sessionId: live.agent.sessionId,
      runId: null,
      cascade: true,
      reason: "test",
    });
    expect((await agent.call("list_agent_sessions")).document).toEqual([]);
    const refused = await agent.call("start_agent_session", { prompt: "one more", mode: "async_poll" });
    expect(refused).toMatchObject({ isError: true, document: { code: "run_stopping" } });
    expect((await agent.call("delete_all_agent_sessions")).document).toMatchObject({ code: "run_stopping" });
    await agent.close();
  });

  it("shows the whole project to a person with a key", async () => {
    const live = await parent();
    const person = await connectPerson(served);
    const { document } = await person.call("list_agent_sessions");
    expect(document.map((session: { session_id: string }) => session.session_id)).toContain(live.agent.sessionId);
    await person.close();
  });
});

describe("the endpoint", () => {
  it("serves POST alone", async () => {
    for (const method of ["GET", "DELETE", "PUT"]) {
      const response = await fetch(served.url, {
        method,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, accept: "text/event-stream" },
      });
      expect(response.headers.get("allow")).toBe("POST");
      expect(await refusal(response)).toEqual([405, "method_not_allowed"]);
    }
  });

  it("answers a newer handshake with 400, so that the client falls back to initialize", async () => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const discover = { jsonrpc: "2.0", id: 1, method: "server/discover", params: {} };
    const newer = await post(served, { ...headers, "mcp-protocol-version": "2026-07-28" }, discover);
    expect([newer.status, await newer.json()]).toMatchObject([400, { jsonrpc: "2.0", error: { code: -32000 } }]);
    const initialize = {
      jsonrpc: "2.0",
      id: 2,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } },
    };
    const answer = await post(served, headers, initialize);
    expect(await answer.json()).toMatchObject({
      result: { protocolVersion: "2025-11-25", serverInfo: { name: "parallax" }, capabilities: { tools: {} } },
    });
    const notified = await post(served, headers, { jsonrpc: "2.0", method: "notifications/initialized" });
    expect(notified.status).toBe(202);
  });

  it("serves clients that name no protocol version", async () => {
    const response = await post(served, { authorization: `Bearer ${ADMIN_KEY}` }, LIST);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(await response.json()).toMatchObject({ id: 1, result: { tools: expect.any(Array) } });
  });

  it("refuses batches, broken JSON, hostile strings and bad call numbers", async () => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    expect(await refusal(await post(served, headers, [LIST, LIST]))).toEqual([422, "invalid_request"]);
    expect(
      await refusal(await post(served, headers, toolCall("get_agent_session_status", { session_id: "a\u0000b" }))),
    ).toEqual([422, "invalid_request"]);
    const broken = await fetch(served.url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: "{",
    });
    expect(await refusal(broken)).toEqual([400, "invalid_json"]);
    const live = await parent();
    for (const number of ["0", "-1", "1.5", "99999999999", "x"]) {
      expect(await refusal(await post(served, { ...agentHeaders(live), [CALL_HEADER]: number }, LIST))).toEqual([
        422,
        "invalid_request",
      ]);
    }
  });
});
