import { describe, expect, test } from "vitest";
import { createClient } from "./client.ts";
import { hangUp, json, serveScript } from "./testing/serve-script.ts";

const run = { run_id: "run_1", session_id: "ses_1", status: "pending" };

describe("a request", () => {
  test("carries the key, the query and the body", async () => {
    await using server = await serveScript(json(run, 201));
    const client = createClient({ baseUrl: `${server.url}/`, key: "k1" });
    await client.runs.create({ type: "start_session", prompt: "x" });
    await client.runs.list({ status: "failed", label: "a=b&c", limit: 5 });
    expect(server.asked[0]).toMatchObject({
      method: "POST",
      url: "/runs",
      body: { type: "start_session", prompt: "x" },
    });
    expect(server.asked[0]?.headers.authorization).toBe("Bearer k1");
    expect(server.asked[1]?.url).toBe("/runs?status=failed&label=a%3Db%26c&limit=5");
  });

  test("cannot leave its resource by a hostile id", async () => {
    await using server = await serveScript(json({}));
    await createClient({ baseUrl: server.url }).runs.get("../agents?x");
    expect(server.asked[0]?.url).toBe("/runs/..%2Fagents%3Fx");
  });

  test("is repeated with the same Idempotency-Key when its answer was lost", async () => {
    await using server = await serveScript(
      hangUp,
      json({ detail: { code: "store_unavailable", message: "x" } }, 503),
      json(run, 201),
    );
    expect(await createClient({ baseUrl: server.url }).runs.create({ type: "start_session", prompt: "x" })).toEqual(
      run,
    );
    const keys = server.asked.map((one) => one.headers["idempotency-key"]);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is not repeated when the same request would fail again", async () => {
    await using server = await serveScript(json({ detail: { code: "session_exists", message: "x" } }, 409));
    const refused = createClient({ baseUrl: server.url }).runs.create({ type: "start_session", prompt: "x" });
    await expect(refused).rejects.toMatchObject({ code: "session_exists" });
    expect(server.asked).toHaveLength(1);
  });

  test("ends at its time limit", async () => {
    await using server = await serveScript(() => {});
    const client = createClient({ baseUrl: server.url, requestTimeoutMs: 50, repeatsMax: 0 });
    await expect(client.health()).rejects.toMatchObject({ code: "coordinator_unreachable" });
  });

  test("ends by the caller's signal with the caller's reason", async () => {
    const asked = Promise.withResolvers<void>();
    await using server = await serveScript(() => asked.resolve());
    const control = new AbortController();
    const call = createClient({ baseUrl: server.url }).health({ signal: control.signal });
    await asked.promise;
    control.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
  });
});

describe("an error", () => {
  test.each([
    [
      404,
      { detail: { code: "run_not_found", message: "no run", hint: "look" } },
      { code: "run_not_found", message: "no run", hint: "look" },
    ],
    [404, { detail: "Session 'x' not found" }, { code: "not_found", message: "Session 'x' not found" }],
    [409, { detail: { code: "from_the_future", message: "m" } }, { code: "invalid_request", message: "m" }],
    [401, "<html>", { code: "unauthorized" }],
    [500, null, { code: "internal" }],
    [
      422,
      { detail: { code: "invalid_request", message: "m", path: "/a" } },
      { details: { path: "/a", http_status: 422 } },
    ],
  ])("of HTTP %s with %j keeps what the server said", async (status, body, expected) => {
    await using server = await serveScript(json(body, status));
    await expect(createClient({ baseUrl: server.url }).runs.get("run_1")).rejects.toMatchObject(expected);
  });

  test("says that nobody answers, and what to do", async () => {
    const server = await serveScript(json({}));
    await server[Symbol.asyncDispose]();
    await expect(createClient({ baseUrl: server.url, repeatsMax: 0 }).health()).rejects.toMatchObject({
      code: "coordinator_unreachable",
      hint: expect.stringContaining("scripts/up"),
    });
  });

  test("says when something else answers there", async () => {
    await using server = await serveScript((_asked, response) => response.end("<html>hello</html>"));
    await expect(createClient({ baseUrl: server.url }).health()).rejects.toMatchObject({ code: "config_invalid" });
  });

  test.each(["localhost:8765", "", "ftp://x"])("is given at once for the address %j", (baseUrl) => {
    expect(() => createClient({ baseUrl })).toThrow("not an address of a coordinator");
  });
});

test("wrapped and plain objects are read alike", async () => {
  await using server = await serveScript(json({ session: { session_id: "ses_1" } }), json({ session_id: "ses_1" }));
  const client = createClient({ baseUrl: server.url });
  expect(await client.sessions.get("ses_1")).toEqual({ session_id: "ses_1" });
  expect(await client.sessions.get("ses_1")).toEqual({ session_id: "ses_1" });
});
