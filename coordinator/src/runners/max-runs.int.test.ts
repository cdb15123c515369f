import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withdrawOffers } from "../leases/withdraw-offers.ts";
import { startRun } from "../runs/start-run.ts";
import { aRunner, claim, finish, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { registerRunner } from "./register-runner.ts";

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

describe("a runner that wants only so many runs", () => {
  it("is offered no more once they were started, also after they have ended", async () => {
    const runner = await aRunner(deps, { maxRuns: 2 });
    for (let taken = 0; taken < 2; taken++) {
      const { run_id } = await submit(deps);
      await finish(deps, await startAttempt(deps, runner, run_id));
    }
    const { run_id } = await submit(deps);
    expect(await claim(deps, runner, run_id)).toBeNull();
    expect(await claim(deps, await aRunner(deps), run_id)).toMatchObject({ run_id });
  });

  it("is offered one run by polls that overtake each other, not one each", async () => {
    const runner = await aRunner(deps, { maxRuns: 1 });
    for (let count = 0; count < 4; count++) await submit(deps);
    const offers = await Promise.all([1, 2, 3, 4].map((poll) => claim(deps, runner, null, `poll_${poll}`)));
    expect(offers.filter((offer) => offer !== null)).toHaveLength(1);
  });

  it("is offered another one for an offer that it never started", async () => {
    const runner = await aRunner(deps, { maxRuns: 1 });
    const { run_id } = await submit(deps);
    const offer = await claim(deps, runner, run_id);
    if (offer === null) throw new Error("nothing to claim");
    expect(await claim(deps, runner)).toBeNull();
    await withdrawOffers(deps, [offer]);
    const again = await claim(deps, runner, run_id);
    expect(again).toMatchObject({ run_id, attempt: 2 });
  });

  it("is not given more by a repeated start, nor by registering again as the same process, only as a new one", async () => {
    const runner = await aRunner(deps, { maxRuns: 2 });
    const first = await submit(deps);
    const live = await startAttempt(deps, runner, first.run_id);
    const claimer = { runId: first.run_id, attempt: live.offer.attempt, runnerId: runner.id, proven: true };
    await startRun(deps, claimer);
    const same = await aRunner(deps, { runnerId: runner.id, instanceId: runner.instanceId ?? "", maxRuns: 2 });
    const second = await submit(deps);
    await startAttempt(deps, same, second.run_id);
    const third = await submit(deps);
    expect(await claim(deps, same, third.run_id)).toBeNull();
    const next = await aRunner(deps, { runnerId: runner.id, maxRuns: 2 });
    expect(await claim(deps, next, third.run_id)).toMatchObject({ run_id: third.run_id });
  });

  it("has to say which process it is", async () => {
    const anonymous = { hostname: "h", project_dir: "/p", max_runs: 1 };
    await expect(registerRunner(deps, "default", anonymous)).rejects.toMatchObject({ code: "unsupported_option" });
  });
});
