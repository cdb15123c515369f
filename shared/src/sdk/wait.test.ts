import { describe, expect, test } from "vitest";
import { createClient } from "./client.ts";
import { hangUp, json, serveScript } from "./testing/serve-script.ts";

describe("waiting for a run", () => {
  test.each(["completed", "failed", "stopped"])("ends when it is %s", async (status) => {
    await using server = await serveScript(json({ status: "pending" }), json({ status: "stopping" }), json({ status }));
    expect(await createClient({ baseUrl: server.url }).runs.wait("run_1")).toMatchObject({ status });
  });

  test("outlasts a coordinator that is away", async () => {
    await using server = await serveScript(json({ status: "running" }), hangUp, hangUp, json({ status: "completed" }));
    const client = createClient({ baseUrl: server.url, repeatsMax: 0 });
    expect(await client.runs.wait("run_1")).toMatchObject({ status: "completed" });
  });

  test("ends at the time limit and says where the run was", async () => {
    await using server = await serveScript(json({ status: "pending" }));
    await expect(createClient({ baseUrl: server.url }).runs.wait("run_1", { timeoutMs: 200 })).rejects.toMatchObject({
      code: "timeout",
      message: "run run_1 is still pending after 200 ms",
    });
  });

  test("ends at the time limit also when nobody ever answers", async () => {
    await using server = await serveScript(() => {});
    await expect(createClient({ baseUrl: server.url }).runs.wait("run_1", { timeoutMs: 100 })).rejects.toMatchObject({
      code: "timeout",
    });
  });

  test("throws at once what cannot change", async () => {
    await using server = await serveScript(json({ detail: { code: "run_not_found", message: "x" } }, 404));
    await expect(createClient({ baseUrl: server.url }).runs.wait("run_1")).rejects.toMatchObject({
      code: "run_not_found",
    });
  });

  test("ends by the caller's signal", async () => {
    await using server = await serveScript(json({ status: "pending" }));
    const wait = createClient({ baseUrl: server.url }).runs.wait("run_1", {
      signal: AbortSignal.abort(new Error("enough")),
    });
    await expect(wait).rejects.toThrow("enough");
  });
});

describe("waiting for a session", () => {
  test.each(["idle", "failed", "stopped", "finished"])("ends when it is settled as %s", async (status) => {
    await using server = await serveScript(
      json({ session: { status: "waiting", settled: false } }),
      json({ session: { status, settled: true } }),
    );
    expect(await createClient({ baseUrl: server.url }).sessions.waitUntilSettled("ses_1")).toMatchObject({ status });
  });

  test("ends with the error when it is deleted meanwhile", async () => {
    await using server = await serveScript(
      json({ settled: false }),
      json({ detail: { code: "session_not_found", message: "x" } }, 404),
    );
    await expect(createClient({ baseUrl: server.url }).sessions.waitUntilSettled("ses_1")).rejects.toMatchObject({
      code: "session_not_found",
    });
  });
});
