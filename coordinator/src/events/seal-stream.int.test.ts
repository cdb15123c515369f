import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportLoss } from "../leases/report-loss.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { appendFrames } from "./append-frames.ts";
import { frameLine } from "./frame-line.ts";
import { readEventsPage } from "./read-events.ts";
import { sealAttempt } from "./seal-stream.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const AT = "2026-01-01T00:00:00.000Z";
const root = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const frame = (number: number) => ({ frame: number, type: "output" as const, at: AT, data: { text: "x" } });
const write = async (live: LiveAttempt, ...numbers: number[]) =>
  await appendFrames(deps, {
    ...live.agent,
    incarnation: live.incarnation,
    frames: numbers.map(frame),
    acknowledgedDirectives: [],
  });
const seal = async (live: LiveAttempt, overdue = false) =>
  await sealAttempt(deps, { runId: live.agent.runId, attempt: live.agent.attempt, overdue });
function logOf(frames: number) {
  const lines = Array.from({ length: frames }, (_none, index) => frameLine(index + 1, "output", AT, '{"text":"x"}'));
  return {
    lastFrame: frames,
    bytes: Buffer.byteLength(lines.join("")),
    sha256: createHash("sha256").update(lines.join("")).digest("hex"),
  };
}
async function eventsOf(runId: string) {
  const { events, sealed } = await readEventsPage(deps, runId, 0, 100);
  return { sealed, events: events.map(({ type, attempt, data }) => ({ type, attempt, data: JSON.parse(data) })) };
}

describe("a log", () => {
  it("is one sequence over all attempts: an older one's part ends with a cut where the newer one was claimed", async () => {
    const first = await root();
    await write(first, 1, 2);
    const claimer = { ...first.agent, runnerId: runner.id, proven: true };
    await reportLoss(deps, claimer, runner.instanceId ?? "", "dead");
    const second = await startAttempt(deps, runner, first.agent.runId);
    await expect(write(first, 3)).rejects.toMatchObject({ code: "attempt_superseded" });
    await write(second, 1);
    await finish(deps, second, { log: logOf(1) });
    await seal(second);
    const { events, sealed } = await eventsOf(first.agent.runId);
    expect(sealed).toBe(true);
    expect(events.map(({ type, attempt }) => [type, attempt])).toEqual([
      ["output", 1],
      ["output", 1],
      ["output", 2],
      ["log_cut", 1],
      ["log_sealed", 2],
    ]);
  });

  it("waits for its rest after the end, takes it, and is sealed once", async () => {
    const live = await root();
    await write(live, 1);
    await finish(deps, live, { log: logOf(3) });
    await seal(live);
    expect(await eventsOf(live.agent.runId)).toMatchObject({ sealed: false });
    await write(live, 2, 3);
    await Promise.all([seal(live), seal(live), seal(live)]);
    const { events } = await eventsOf(live.agent.runId);
    expect(events.map((event) => event.type)).toEqual(["output", "output", "output", "log_sealed"]);
    expect(events.at(-1)?.data).toMatchObject({ complete: true, sha256: logOf(3).sha256 });
    await expect(write(live, 4)).rejects.toMatchObject({ code: "run_terminal" });
  });

  it("whose rest never comes, or is not what was reported, is sealed as incomplete", async () => {
    const late = await root();
    await finish(deps, late, { log: logOf(2) });
    await seal(late, true);
    const other = await root();
    await write(other, 1);
    await finish(deps, other, { log: { ...logOf(1), sha256: logOf(2).sha256 } });
    await seal(other);
    for (const { agent } of [late, other])
      expect((await eventsOf(agent.runId)).events.at(-1)).toMatchObject({
        type: "log_sealed",
        data: { complete: false },
      });
  });

  it("of a run that nobody ever began is sealed with its end", async () => {
    const created = await submit(deps);
    await stopSession(deps, {
      projectId: "default",
      sessionId: created.session_id,
      runId: null,
      cascade: true,
      reason: "t",
    });
    expect(await eventsOf(created.run_id)).toEqual({
      sealed: true,
      events: [{ type: "log_sealed", attempt: 0, data: expect.objectContaining({ complete: true, frames: 0 }) }],
    });
  });

  it("has no gap and no double: frames seen before are skipped, a missing one is asked for", async () => {
    const live = await root();
    await write(live, 1, 2);
    expect(await write(live, 1, 2, 3)).toMatchObject({ nextFrame: 4 });
    await expect(write(live, 5)).rejects.toMatchObject({ code: "frame_gap", details: { next_frame: 4 } });
    await Promise.all([write(live, 4), write(live, 4), write(live, 4)]);
    expect((await eventsOf(live.agent.runId)).events).toHaveLength(4);
  });
});
