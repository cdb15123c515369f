import { request as rawRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { type ServedApp, serveApp } from "../testing/serve-app.ts";

let deps: TestDeps;
let app: ServedApp;
beforeAll(async () => {
  deps = await makeTestDeps();
  app = await serveApp(deps);
});
afterAll(async () => {
  await app.close();
  await deps.close();
});

const start = (extra: object = {}) => ({ type: "start_session", executor: "test", prompt: "hello", ...extra });
const code = (answer: { body: unknown }) => (answer.body as { detail: { code: string } }).detail.code;

describe("who may call", () => {
  it("answers health to anybody and everything else only to a key", async () => {
    expect((await app.call("GET", "/health", undefined, { authorization: "" })).status).toBe(200);
    for (const path of ["/runs", "/sessions", "/agents", "/runners", "/ready", "/openapi.json"]) {
      const answer = await app.call("GET", path, undefined, { authorization: "Bearer wrong" });
      expect([path, answer.status, code(answer)]).toEqual([path, 401, "unauthorized"]);
    }
  });

  it("refuses a supervisor's call without the attempt's own lease token, admin key or not", async () => {
    const answer = await app.call("POST", "/runner/runs/run_x/attempts/1/hello", {
      incarnation: "inc_1",
      hostname: "h",
    });
    expect([answer.status, code(answer)]).toEqual([401, "lease_token_invalid"]);
  });

  it("does not answer to a foreign name or origin, so that a page in a browser cannot reach it by DNS rebinding", async () => {
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const url = new URL(app.url);
      const sent = rawRequest(
        { host: url.hostname, port: url.port, path: "/health", headers: { host: "evil.example:80" } },
        (response) => {
          let body = "";
          response.on("data", (chunk: Buffer) => {
            body += chunk.toString();
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        },
      );
      sent.on("error", reject);
      sent.end();
    });
    expect([answer.status, answer.body]).toEqual([403, expect.stringContaining("host_not_allowed")]);
    expect(code(await app.call("GET", "/health", undefined, { origin: "http://evil.example" }))).toBe(
      "origin_not_allowed",
    );
  });
});

describe("bad input", () => {
  it.each([
    ["no body", undefined, 400, "invalid_json"],
    ["broken JSON", "{", 400, "invalid_json"],
    ["no type", { prompt: "x" }, 422, "invalid_request"],
    ["an unknown field", start({ promt: "x" }), 422, "invalid_request"],
    ["an empty prompt", start({ prompt: "" }), 422, "invalid_request"],
    ["NUL in the prompt", start({ prompt: "a\u0000b" }), 422, "invalid_request"],
    ["a path as session id", start({ session_id: "../etc" }), 422, "invalid_request"],
    ["a relative project_dir", start({ project_dir: "etc" }), 422, "invalid_request"],
    ["contradicting spellings", start({ callback: true, execution_mode: "sync" }), 422, "invalid_request"],
    ["extra parameters", start({ parameters: { prompt: "hello", x: 1 } }), 400, "parameter_validation_failed"],
    ["secrets", start({ secrets: { A: "b" } }), 422, "unsupported_option"],
    ["an unknown blueprint", start({ agent_name: "nobody" }), 404, "blueprint_not_found"],
    ["an unknown parent", start({ parent_session_id: "ses_none" }), 404, "parent_not_found"],
    ["a resume without session", { type: "resume_session", prompt: "x" }, 400, "session_id_required"],
    ["a resume of nothing", { type: "resume_session", prompt: "x", session_id: "ses_none" }, 404, "session_not_found"],
  ])("is refused with its own code and leaves no trace: %s", async (_name, body, status, expected) => {
    const before = await app.call("GET", "/sessions");
    const answer = await app.call("POST", "/runs", body);
    expect([answer.status, code(answer)]).toEqual([status, expected]);
    expect((await app.call("GET", "/sessions")).body).toEqual(before.body);
  });

  it("answers 404 with a code for unknown ids, and 200 not_existent where the seeds' clients expect it", async () => {
    for (const path of [
      "/runs/run_none",
      "/runs/run_none/events",
      "/sessions/ses_none",
      "/sessions/ses_none/result",
      "/agents/none",
      "/nowhere",
    ]) {
      expect([path, (await app.call("GET", path)).status]).toEqual([path, 404]);
    }
    expect(await app.call("GET", "/sessions/ses_none/status")).toMatchObject({
      status: 200,
      body: { status: "not_existent" },
    });
    expect(code(await app.call("POST", "/runs/run_none/stop"))).toBe("run_not_found");
  });

  it.each([
    "/runs/RUN/events?after=99999999999",
    "/runs?label=%00",
    "/runs?label=a%00b=c",
    "/sessions?parent_session_id=%00",
    "/runs?limit=0",
    "/runs?status=queued",
  ])("in a query is a 422 and never a 500: %s", async (path) => {
    const run = (await app.call("POST", "/runs", start())).body as { run_id: string };
    const answer = await app.call("GET", path.replace("RUN", run.run_id));
    expect([answer.status, code(answer)]).toEqual([422, "invalid_request"]);
  });

  it("as a Last-Event-ID out of range is refused instead of being waited on", async () => {
    const run = (await app.call("POST", "/runs", start())).body as { run_id: string };
    const answer = await app.call("GET", `/runs/${run.run_id}/events/stream`, undefined, {
      "last-event-id": "99999999999999",
    });
    expect([answer.status, code(answer)]).toEqual([422, "invalid_request"]);
  });

  it("cannot hold the coordinator with a pattern that backtracks without end", async () => {
    const parameters_schema = { type: "object", properties: { a: { type: "string", pattern: "(a+)+$" } } };
    expect((await app.call("POST", "/agents", { name: "slow-pattern", parameters_schema })).status).toBe(201);
    const answer = await app.call("POST", "/runs", {
      type: "start_session",
      agent_name: "slow-pattern",
      parameters: { a: `${"a".repeat(40)}!` },
    });
    expect([answer.status, code(answer)]).toEqual([400, "parameter_validation_failed"]);
  });

  it("refuses names from URLs that could mean a path", async () => {
    for (const name of ["..", "%2e%2e", "a%2Fb", ".hidden"]) {
      expect([name, [404, 422].includes((await app.call("DELETE", `/agents/${name}`)).status)]).toEqual([name, true]);
    }
  });
});

describe("creating", () => {
  it("answers a repeated Idempotency-Key with the first answer, and a different request under it with 409", async () => {
    const headers = { "idempotency-key": "key-1" };
    const [first, second] = await Promise.all([
      app.call("POST", "/runs", start(), headers),
      app.call("POST", "/runs", start(), headers),
    ]);
    expect(first.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(code(await app.call("POST", "/runs", start({ prompt: "other" }), headers))).toBe("idempotency_conflict");
  });

  it("takes a repeated message under one Idempotency-Key once", async () => {
    const { session_id } = (await app.call("POST", "/runs", start())).body as { session_id: string };
    const send = async () =>
      await app.call(
        "POST",
        `/sessions/${session_id}/messages`,
        { message: "once" },
        { "idempotency-key": "message-1" },
      );
    const [first, second] = [await send(), await send()];
    expect(first.status).toBe(201);
    expect(second.body).toEqual(first.body);
    const inbox = (await app.call("GET", `/sessions/${session_id}/inbox`)).body as { items: unknown[] };
    expect(inbox.items).toHaveLength(1);
  });

  it("does not let a new root take over what is left of a deleted one", async () => {
    const root = (await app.call("POST", "/runs", start({ session_id: "root-again" }))).body as { session_id: string };
    await app.call("POST", "/runs", start({ session_id: "left-child", parent_session_id: root.session_id }));
    expect((await app.call("DELETE", "/sessions/root-again")).status).toBe(200);
    expect(code(await app.call("POST", "/runs", start({ session_id: "root-again" })))).toBe("session_exists");
    expect((await app.call("DELETE", "/sessions/left-child")).status).toBe(200);
    expect((await app.call("POST", "/runs", start({ session_id: "root-again" }))).status).toBe(201);
  });

  it("lets exactly one of two requests take a session id", async () => {
    const answers = await Promise.all(
      [1, 2].map(async () => await app.call("POST", "/runs", start({ session_id: "my-session" }))),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409]);
  });

  it("says why a run waits", async () => {
    const { body } = await app.call("POST", "/runs", start({ additional_demands: { tags: ["gpu"] } }));
    const run = body as { run_id: string };
    const explained = await app.call("GET", `/runs/${run.run_id}/explain`);
    expect(explained.body).toMatchObject({
      status: "pending",
      cause: "no_runner",
      sentence: expect.stringContaining("tags gpu"),
    });
  });

  it("pages through lists without a gap or a repeat", async () => {
    for (let i = 0; i < 5; i++) await app.call("POST", "/runs", start({ labels: { batch: "pages" } }));
    const ids: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await app.call("GET", `/runs?label=batch=pages&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      const body = page.body as { runs: { run_id: string }[]; next_cursor: string | null };
      ids.push(...body.runs.map((run) => run.run_id));
      cursor = body.next_cursor;
    }
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
    expect(code(await app.call("GET", "/runs?cursor=nonsense"))).toBe("invalid_request");
  });
});

describe("a stream of events", () => {
  it("ends when its run was deleted", async () => {
    const run = (await app.call("POST", "/runs", start())).body as { run_id: string; session_id: string };
    const following = app.call("GET", `/runs/${run.run_id}/events/stream`);
    await app.call("DELETE", `/sessions/${run.session_id}`);
    expect((await following).status).toBe(200);
  });
});

describe("a retry", () => {
  it("asks the run again with its own place and settings, whatever its session did since", async () => {
    const first = (await app.call("POST", "/runs", start({ project_dir: "/first", env: { A: "1" } }))).body as {
      run_id: string;
      session_id: string;
    };
    await app.call("POST", `/runs/${first.run_id}/stop`);
    await app.call("POST", "/runs", {
      type: "resume_session",
      session_id: first.session_id,
      prompt: "elsewhere",
      project_dir: "/second",
    });
    const retried = (await app.call("POST", `/runs/${first.run_id}/retry`)).body as { run_id: string };
    expect((await app.call("GET", `/runs/${retried.run_id}`)).body).toMatchObject({
      project_dir: "/first",
      prompt: "hello",
      retry_of_run_id: first.run_id,
    });
  });
});

describe("blueprints", () => {
  it("are resolved into the run when it is made; what the runner fills stays literal, and no environment is ever read", async () => {
    const created = await app.call("POST", "/agents", {
      name: "researcher",
      system_prompt:
        "Look into ${params.topic} for ${scope.team}; me: ${runtime.session_id}; ${env.PATH} ${AGENT_SESSION_ID}",
      mcp_servers: {
        orch: {
          type: "http",
          url: "${AGENT_ORCHESTRATOR_MCP_URL}",
          headers: { "X-Agent-Session-Id": "${AGENT_SESSION_ID}" },
        },
      },
      parameters_schema: { type: "object", required: ["topic"], properties: { topic: { type: "string" } } },
      executor: "test",
    });
    expect(created.status).toBe(201);
    expect(code(await app.call("POST", "/agents", { name: "researcher" }))).toBe("blueprint_exists");
    const run = await app.call("POST", "/runs", {
      type: "start_session",
      session_id: "r1",
      agent_name: "researcher",
      parameters: { topic: "${scope.team}" },
      scope: { team: "core" },
    });
    expect(run.status).toBe(201);
    expect(
      code(
        await app.call("POST", "/runs", { type: "start_session", agent_name: "researcher", parameters: { other: 1 } }),
      ),
    ).toBe("parameter_validation_failed");
    const runner = (
      await app.call("POST", "/runner/register", { hostname: "h", project_dir: "/p", executor_profile: "test" })
    ).body as { runner_id: string };
    const poll = async (): Promise<{
      run_id: string;
      resolved_agent_blueprint: { system_prompt: string; mcp_servers: object } | null;
    }> => {
      for (;;) {
        const offer = (
          (await app.call("GET", `/runner/runs?runner_id=${runner.runner_id}&hold_ms=1000`)).body as {
            run: never;
          } | null
        )?.run;
        if (offer === undefined) throw new Error("nothing offered");
        if ((offer as { session_id: string }).session_id === "r1") return offer;
      }
    };
    const offer = await poll();
    expect(offer.resolved_agent_blueprint?.system_prompt).toBe(
      "Look into ${scope.team} for core; me: r1; ${env.PATH} ${AGENT_SESSION_ID}",
    );
    expect(JSON.stringify(offer.resolved_agent_blueprint?.mcp_servers)).toContain("${AGENT_ORCHESTRATOR_MCP_URL}");
  });

  it("that are inactive start nothing", async () => {
    await app.call("POST", "/agents", { name: "sleeper", status: "inactive" });
    expect(code(await app.call("POST", "/runs", start({ agent_name: "sleeper" })))).toBe("blueprint_inactive");
  });
});

describe("the description", () => {
  it("of the API is OpenAPI 3.1 and names every route of the run, session, agent and runner surface", async () => {
    const { body } = await app.call("GET", "/openapi.json");
    const document = body as { openapi: string; paths: Record<string, Record<string, { responses: object }>> };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        "/runs",
        "/runs/{run_id}",
        "/runs/{run_id}/events/stream",
        "/sessions/{session_id}/tree",
        "/agents/{name}",
        "/runner/runs",
        "/runner/runs/{run_id}/attempts/{attempt}/completed",
      ]),
    );
    expect(Object.keys(document.paths["/runs"]?.["post"]?.responses ?? {})).toEqual(
      expect.arrayContaining(["201", "422", "409"]),
    );
  });
});
