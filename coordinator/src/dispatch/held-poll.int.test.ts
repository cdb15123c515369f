import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { transact } from "../effects.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import type { RunnerRecord } from "../store/records.ts";
import { lockSession } from "../store/sessions.ts";
import { aRunner, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { createDispatcher } from "./dispatcher.ts";

let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

describe("a held poll", () => {
  it("gets a ready run that somebody had locked at the moment of its look, without waiting for a sweep", async () => {
    const created = await submit(deps);
    const looked = Promise.withResolvers<void>();
    const lookedAt = { ...deps.store, transaction: watch(deps.store.transaction, () => looked.resolve()) };
    const dispatcher = createDispatcher({ ...deps, store: lookedAt });
    let poll: Promise<{ run_id: string }[]> | null = null;
    await transact(deps, async (tx, effects) => {
      await lockSession(tx, "default", created.session_id);
      await promoteSession(tx, effects, "default", created.session_id);
      poll = dispatcher.serve({
        runner,
        count: 1,
        instanceId: runner.instanceId,
        pollId: "poll_1",
        plain: false,
        onlyRunId: null,
        holdMs: 5_000,
        signal: new AbortController().signal,
      });
      // the poll's look ends while the row is locked, and sees nothing
      await looked.promise;
    });
    expect(await poll).toMatchObject([{ run_id: created.run_id }]);
    dispatcher.close();
  });
});

function watch(transaction: TestDeps["store"]["transaction"], ended: () => void): TestDeps["store"]["transaction"] {
  return async (work) => {
    const result = await transaction(work);
    ended();
    return result;
  };
}
