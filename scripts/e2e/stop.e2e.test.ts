import { access } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { findMarked } from "./support/find-processes.ts";
import { type Fleet, startFleet } from "./support/fleet.ts";

let fleet: Fleet | null = null;
afterEach(async (context) => {
  if (context.task.result?.state === "fail" && fleet !== null) process.stderr.write(`${fleet.dump()}\n`);
  await fleet?.close();
  fleet = null;
});

async function began(running: Fleet, steps: object[]): Promise<{ runId: string; sessionId: string }> {
  const file = join(running.directory, "began");
  const prompt = JSON.stringify({ steps: [...steps.slice(0, -1), { touch: file }, steps.at(-1)] });
  const created = await running.client.runs.create({ type: "start_session", executor: "test", prompt });
  const there = async (): Promise<boolean> =>
    await access(file).then(
      () => true,
      () => false,
    );
  await expect.poll(there, { timeout: 30_000, interval: 50 }).toBe(true);
  return { runId: created.run_id, sessionId: created.session_id };
}

describe("stopping", () => {
  it("ends a whole tree and leaves none of its processes, whatever they forked", async () => {
    fleet = await startFleet();
    await fleet.startRunner();
    const kinds = ["child", "nohup", "setsid", "double"];
    const forks = kinds.map((kind) => ({ fork: { kind, command_seconds: 600, marker: "stop-me" } }));
    const kid = JSON.stringify({ steps: [...forks, { touch: join(fleet.directory, "kid") }, { hang: true }] });
    const { runId, sessionId } = await began(fleet, [
      ...forks,
      { start: { name: "kid", prompt: kid } },
      { wait_for_file: join(fleet.directory, "kid") },
      { hang: true },
    ]);
    expect((await findMarked("PARALLAX_TEST_FORK=stop-me")).length).toBeGreaterThanOrEqual(8);
    const answer = await fleet.client.runs.stop(runId);
    expect(answer.stopped_runs).toHaveLength(2);
    expect(await fleet.client.runs.wait(runId, { timeoutMs: 40_000 })).toMatchObject({
      status: "stopped",
      outcome: "stopped",
    });
    await fleet.client.sessions.waitUntilSettled(sessionId, { timeoutMs: 40_000 });
    const tree = await fleet.client.sessions.tree(sessionId);
    await expect.poll(async () => (await findMarked("PARALLAX_TEST_FORK=stop-me")).length, { timeout: 20_000 }).toBe(0);
    expect(tree.sessions.map((node) => node.status)).toEqual(["stopped", expect.stringMatching(/stopp/)]);
  });

  it("ends an agent that ignores every signal", async () => {
    fleet = await startFleet({
      runner: { PARALLAX_SUPERVISOR_LIMITS: JSON.stringify({ stopInterruptGraceMs: 500, stopTermGraceMs: 500 }) },
    });
    await fleet.startRunner();
    const { runId } = await began(fleet, [{ ignore_signals: true }, { hang: true }]);
    await fleet.client.runs.stop(runId);
    expect(await fleet.client.runs.wait(runId, { timeoutMs: 60_000 })).toMatchObject({ status: "stopped" });
  });

  it("of a turn keeps the session: an interrupted session takes the next message", async () => {
    fleet = await startFleet();
    await fleet.startRunner();
    const { runId, sessionId } = await began(fleet, [{ hang: true }]);
    await fleet.client.sessions.interrupt(sessionId);
    expect(await fleet.client.runs.wait(runId, { timeoutMs: 40_000 })).toMatchObject({
      status: "completed",
      outcome: "interrupted",
    });
    await fleet.client.sessions.sendMessage(sessionId, { message: "still there?" });
    await fleet.client.sessions.waitUntilSettled(sessionId, { timeoutMs: 40_000 });
    expect(await fleet.client.sessions.result(sessionId)).toMatchObject({ result_text: "echo: still there?" });
  });

  it("leaves nothing behind when the agent ends by itself and its children would live on", async () => {
    fleet = await startFleet();
    await fleet.startRunner();
    const forks = ["nohup", "setsid", "double"].map((kind) => ({
      fork: { kind, command_seconds: 600, marker: "left-behind", hold_output: true },
    }));
    const created = await fleet.client.runs.create({
      type: "start_session",
      executor: "test",
      prompt: JSON.stringify({ steps: [...forks, { say: "bye" }] }),
    });
    expect(await fleet.client.runs.wait(created.run_id, { timeoutMs: 40_000 })).toMatchObject({
      status: "completed",
      result_text: "bye",
    });
    expect(await findMarked("PARALLAX_TEST_FORK=left-behind")).toEqual([]);
  });
});
