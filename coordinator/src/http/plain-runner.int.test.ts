import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { type ServedApp, serveApp } from "../testing/serve-app.ts";

let deps: TestDeps;
let app: ServedApp;
let runnerId: string;
let profile = 0;
beforeAll(async () => {
  deps = await makeTestDeps();
  app = await serveApp(deps);
});
afterAll(async () => {
  await app.close();
  await deps.close();
});
beforeEach(async () => {
  profile++;
  runnerId = await register(`plain-${profile}`);
});

async function register(executorProfile: string): Promise<string> {
  const answer = await app.call("POST", "/runner/register", {
    hostname: "box",
    project_dir: "/p",
    executor_profile: executorProfile,
  });
  expect(answer.status).toBe(200);
  return (answer.body as { runner_id: string }).runner_id;
}
const code = (answer: { body: unknown }) => (answer.body as { detail: { code: string } }).detail.code;
const submit = async (extra: object = {}) =>
  (await app.call("POST", "/runs", { type: "start_session", executor: `plain-${profile}`, prompt: "x", ...extra }))
    .body as { run_id: string; session_id: string };
const poll = async (id = runnerId, holdMs = 2000) =>
  await app.call("GET", `/runner/runs?runner_id=${id}&hold_ms=${holdMs}`);
const report = async (runId: string, what: string, extra: object = {}, id = runnerId) =>
  await app.call("POST", `/runner/runs/${runId}/${what}`, { runner_id: id, ...extra });
const status = async (runId: string) => ((await app.call("GET", `/runs/${runId}`)).body as { status: string }).status;

describe("a plain HTTP runner, as the seeds' runners are", () => {
  it("registers under a name that follows from what it says of itself", () => {
    expect(runnerId).toMatch(/^lnch_[0-9a-f]{12}$/);
  });

  it("polls, starts and completes a run with nothing but its id", async () => {
    const run = await submit();
    const answer = await poll();
    expect(answer.body).toMatchObject({ run: { run_id: run.run_id, prompt: "x", type: "start_session" } });
    expect((await report(run.run_id, "started")).status).toBe(200);
    expect(await status(run.run_id)).toBe("running");
    expect((await report(run.run_id, "completed", { status: "success", result_text: "fine" })).status).toBe(200);
    expect((await app.call("GET", `/sessions/${run.session_id}/result`)).body).toMatchObject({ result_text: "fine" });
  });

  it("is woken from a held poll by a run that becomes ready", async () => {
    const held = poll(runnerId, 20_000);
    const run = await submit();
    expect((await held).body).toMatchObject({ run: { run_id: run.run_id } });
  });

  it("gets 204 when there is nothing, and 401 when it is not registered", async () => {
    expect((await poll(runnerId, 10)).status).toBe(204);
    expect(code(await poll("lnch_000000000000", 10))).toBe("unknown_runner");
    expect((await report("run_x", "started", {}, "lnch_000000000000")).status).toBe(401);
  });

  it("cannot report on a run that another runner claimed", async () => {
    const run = await submit();
    await poll();
    const other = await register(`plain-${profile}-other`);
    for (const what of ["started", "completed", "failed", "stopped"]) {
      const answer = await report(run.run_id, what, {}, other);
      expect([what, answer.status, code(answer)]).toEqual([what, 409, "not_the_claimer"]);
    }
    expect(await status(run.run_id)).toBe("claimed");
  });

  it("is told of a stop on its poll, once, and its report of it is accepted", async () => {
    const run = await submit();
    await poll();
    await report(run.run_id, "started");
    const held = poll(runnerId, 20_000);
    await expect.poll(async () => (await app.call("POST", `/runs/${run.run_id}/stop`)).status).toBe(200);
    expect((await held).body).toMatchObject({ stop_runs: [run.run_id], stop_sessions: [run.session_id] });
    expect((await poll(runnerId, 10)).status).toBe(204);
    expect((await report(run.run_id, "stopped", { signal: "SIGTERM" })).status).toBe(200);
    expect(await status(run.run_id)).toBe("stopped");
  });

  it("keeps its registration through heartbeats, and a second one with its name is refused while it lives", async () => {
    expect((await app.call("POST", "/runner/heartbeat", { runner_id: runnerId })).body).toMatchObject({ ok: true });
    const again = await app.call("POST", "/runner/register", {
      hostname: "box",
      project_dir: "/p",
      executor_profile: `plain-${profile}`,
    });
    expect([again.status, code(again)]).toEqual([409, "duplicate_runner"]);
  });

  it("loses what it held when it leaves, and the run says so", async () => {
    const run = await submit();
    await poll();
    await report(run.run_id, "started");
    expect((await app.call("DELETE", `/runners/${runnerId}?self=true`)).body).toMatchObject({ initiated_by: "self" });
    const read = (await app.call("GET", `/runs/${run.run_id}`)).body;
    expect(read).toMatchObject({ status: "failed", outcome: "lost" });
    expect((await poll(runnerId, 10)).status).toBe(401);
  });

  it("is told on its next poll that somebody deregistered it", async () => {
    await app.call("DELETE", `/runners/${runnerId}`);
    expect((await poll(runnerId, 10)).body).toEqual({ deregistered: true });
  });

  it("gets the same unstarted offer back when it repeats a poll by its id", async () => {
    const run = await submit();
    const path = `/runner/runs?runner_id=${runnerId}&hold_ms=2000&poll_id=pol_1`;
    const first = (await app.call("GET", path)).body as { run: { attempt: number; lease_token: string } };
    const second = (await app.call("GET", path)).body as typeof first;
    expect(second.run).toEqual(first.run);
    expect(second.run).toMatchObject({ run_id: run.run_id, attempt: 1 });
  });
});
