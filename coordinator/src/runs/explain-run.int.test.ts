import { afterAll, beforeAll, expect, it } from "vitest";
import { findRun } from "../store/runs.ts";
import { aRunner, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { type Explanation, explainRun } from "./explain-run.ts";

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

const MISSING = { "claude-code": { reason: "claude was not found.", fix: "Install it with --with claude-code." } };

async function explain(runId: string): Promise<Explanation> {
  const run = await findRun(deps.store.db, runId);
  if (run === null) throw new Error(`no run ${runId}`);
  return await explainRun(deps, run);
}

it("says why an executor is not served, and what mends it, as the runner has told it", async () => {
  const { run_id } = await submit(deps, { executor: "claude-code" });
  expect(await explain(run_id)).toMatchObject({ cause: "no_runner" });

  const runner = await aRunner(deps, { missing: MISSING });
  expect(await explain(run_id)).toMatchObject({
    cause: "executor_missing",
    sentence: "No runner serves executor claude-code: claude was not found. Install it with --with claude-code.",
    facts: { missing: [{ runner_id: runner.id, ...MISSING["claude-code"] }], matching: [] },
  });
});

it("does not blame a missing executor where the run could not go to that runner anyway", async () => {
  await aRunner(deps, { missing: MISSING });
  const { run_id } = await submit(deps, { executor: "claude-code", additional_demands: { tags: ["gpu"] } });
  expect(await explain(run_id)).toMatchObject({ cause: "no_runner" });
});

it("is not fooled by names of JavaScript itself", async () => {
  await aRunner(deps, { missing: MISSING });
  const { run_id } = await submit(deps, { executor: "constructor" });
  expect(await explain(run_id)).toMatchObject({ cause: "no_runner" });
});

it("forgets what was missing when the runner registers again with it", async () => {
  const runner = await aRunner(deps, { missing: { other: { reason: "r", fix: "f" } } });
  const { run_id } = await submit(deps, { executor: "other" });
  expect(await explain(run_id)).toMatchObject({ cause: "executor_missing" });
  await aRunner(deps, { runnerId: runner.id });
  expect(await explain(run_id)).toMatchObject({ cause: "no_runner" });
});
