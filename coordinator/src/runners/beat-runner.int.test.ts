import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { greetSupervisor } from "../runs/greet-supervisor.ts";
import { startRun } from "../runs/start-run.ts";
import { stopSession } from "../runs/stop-run.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { aRunner, claim, submit, sweepLeases } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { beatRunner } from "./beat-runner.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => await findRun(deps.store.db, runId);
const beat = async (runId: string, attempt: number, instanceId = runner.instanceId ?? "") =>
  await beatRunner(deps, {
    runner_id: runner.id,
    instance_id: instanceId,
    attempts: [{ run_id: runId, attempt, lease_token: "lt1" }],
  });

async function preparing(): Promise<string> {
  const { run_id } = await submit(deps);
  await claim(deps, runner, run_id);
  await startRun(deps, { runId: run_id, attempt: 1, runnerId: runner.id, proven: true });
  return run_id;
}

describe("a runner's heartbeat", () => {
  it("renews what it prepares, until the supervisor's hello takes the renewal over; then it is refused softly", async () => {
    const runId = await preparing();
    await letLeaseExpire(deps.store.db, runId);
    expect(await beat(runId, 1)).toMatchObject({ renewed: [runId], refused: [] });
    await sweepLeases(deps);
    expect(await read(runId)).toMatchObject({ state: "running" });
    await greetSupervisor(deps, { runId, attempt: 1, incarnation: "inc_1", hostname: "h" });
    const before = await read(runId);
    expect(await beat(runId, 1)).toMatchObject({
      renewed: [],
      refused: [{ run_id: runId, attempt: 1, code: "renewal_handed_over" }],
    });
    expect(await read(runId)).toEqual(before);
  });

  it("renews the attempt that it names, not the one that came after it", async () => {
    const runId = await preparing();
    await letLeaseExpire(deps.store.db, runId);
    await sweepLeases(deps);
    await claim(deps, runner, runId);
    await startRun(deps, { runId, attempt: 2, runnerId: runner.id, proven: true });
    const before = await read(runId);
    expect(await beat(runId, 1)).toMatchObject({ renewed: [], refused: [{ attempt: 1 }] });
    expect(await read(runId)).toEqual(before);
    expect(await beat(runId, 2)).toMatchObject({ renewed: [runId], refused: [] });
  });

  it("of an older process renews nothing", async () => {
    const runId = await preparing();
    await expect(beat(runId, 1, "ins_older")).rejects.toMatchObject({ code: "duplicate_runner" });
  });

  it("goes on renewing what is being stopped while it is prepared, until its processes are ended", async () => {
    const runId = await preparing();
    const run = await read(runId);
    const request = { projectId: "default", sessionId: run?.sessionId ?? "", runId, cascade: true, reason: "t" };
    await stopSession(deps, request);
    expect(await beat(runId, 1)).toMatchObject({ renewed: [runId] });
  });
});
