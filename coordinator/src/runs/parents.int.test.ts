import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const resumeFor = async (sessionId: string, parentId: string) =>
  await submit(deps, {
    type: "resume_session",
    session_id: sessionId,
    prompt: "go on",
    parent_session_id: parentId,
    execution_mode: "async_callback",
  });
const restingSession = async (of: LiveAttempt | null = null) => {
  const created = await submit(deps, { execution_mode: "async_poll" }, of?.agent ?? null);
  await finish(deps, await startAttempt(deps, runner, created.run_id));
  return created.session_id;
};
const runsOf = async (sessionId: string) =>
  (await listRuns(deps.store.db, "default", { sessionId, limit: 10 })).map((run) => run.id);

describe("a parent", () => {
  it("that is part of what the session started is refused, and nothing is left of the request", async () => {
    const parent = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const child = await submit(deps, { execution_mode: "async_callback" }, parent.agent);
    const before = await runsOf(parent.agent.sessionId);
    for (const id of [child.session_id, parent.agent.sessionId])
      await expect(resumeFor(parent.agent.sessionId, id)).rejects.toMatchObject({ code: "parent_is_descendant" });
    expect(await runsOf(parent.agent.sessionId)).toEqual(before);
  });

  it("that the session waits for, through however many others, is refused: all would wait for ever", async () => {
    const root = await startAttempt(deps, runner, (await submit(deps)).run_id);
    const [one, two, three] = [await restingSession(root), await restingSession(root), await restingSession(root)];
    await resumeFor(one, two);
    await resumeFor(two, three);
    for (const parent of [one, two])
      await expect(resumeFor(three, parent)).rejects.toMatchObject({ code: "parent_is_descendant" });
    await expect(resumeFor(two, one)).rejects.toMatchObject({ code: "parent_is_descendant" });
    expect(await runsOf(three)).toHaveLength(1);
  });

  it("in another tree is refused: what is owed is ordered by the lock of one tree", async () => {
    const [one, other] = [await restingSession(), await restingSession()];
    await expect(resumeFor(one, other)).rejects.toMatchObject({ code: "parent_in_another_tree" });
    expect(await runsOf(one)).toHaveLength(1);
  });
});
