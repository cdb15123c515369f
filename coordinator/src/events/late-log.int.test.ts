import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { reportLoss } from "../leases/report-loss.ts";
import type { RunnerRecord } from "../store/records.ts";
import { aRunner, finish, startAttempt, submit } from "../testing/drive.ts";
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

it("takes the rest of the log of an attempt that was given up too early, and seals it complete", async () => {
  const live = await startAttempt(deps, runner, (await submit(deps)).run_id);
  const claimer = { ...live.agent, runnerId: runner.id, proven: true };
  await reportLoss(deps, claimer, runner.instanceId ?? "", "taken for dead");
  const at = new Date().toISOString();
  const lines = [1, 2].map((frame) => frameLine(frame, "output", at, '{"text":"x"}')).join("");
  const log = {
    lastFrame: 2,
    bytes: Buffer.byteLength(lines),
    sha256: createHash("sha256").update(lines).digest("hex"),
  };
  await finish(deps, live, { log });
  const seal = async () => await sealAttempt(deps, { runId: live.agent.runId, attempt: 1, overdue: false });
  await seal();
  const frames = [1, 2].map((frame) => ({ frame, type: "output" as const, at, data: { text: "x" } }));
  await appendFrames(deps, { ...live.agent, incarnation: live.incarnation, frames, acknowledgedDirectives: [] });
  await seal();
  const { events } = await readEventsPage(deps, live.agent.runId, 0, 10);
  expect(events.map((event) => event.type)).toEqual(["output", "output", "log_sealed"]);
  expect(JSON.parse(events.at(-1)?.data ?? "")).toMatchObject({ complete: true, frames: 2, sha256: log.sha256 });
});
