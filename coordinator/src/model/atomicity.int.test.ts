import { afterAll, beforeAll, expect, it } from "vitest";
import type { Deps } from "../deps.ts";
import { expireLeases } from "../leases/expire-leases.ts";
import { reportLoss } from "../leases/report-loss.ts";
import { stopSession } from "../runs/stop-run.ts";
import { releaseInbox } from "../sessions/release-inbox.ts";
import { removeSession } from "../sessions/remove-session.ts";
import { sendMessage } from "../sessions/send-message.ts";
import { touchLiveness } from "../store/leases.ts";
import type { RunnerRecord } from "../store/records.ts";
import { letLeaseExpire } from "../store/testing/let-lease-expire.ts";
import { observeProject } from "../store/testing/observe-project.ts";
import { aRunner, claim, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { auditDatabase } from "./audit.ts";
import { dyingBefore } from "./testing/dying-deps.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

/** A parent at rest with a message, its child at work, and a grandchild that waits for a runner. */
interface Family {
  readonly parent: LiveAttempt;
  readonly child: LiveAttempt;
  readonly grandchild: { run_id: string; session_id: string };
}

async function family(): Promise<Family> {
  const parent = await startAttempt(deps, runner, (await submit(deps)).run_id);
  const child = await startAttempt(
    deps,
    runner,
    (await submit(deps, { execution_mode: "async_callback" }, parent.agent)).run_id,
  );
  const grandchild = await submit(deps, { execution_mode: "async_callback" }, child.agent);
  await submit(deps, { type: "resume_session", session_id: child.agent.sessionId, prompt: "and then" });
  await finish(deps, parent);
  return { parent, child, grandchild };
}

const say = async (dying: Deps, sessionId: string) =>
  await sendMessage(dying, { projectId: P, sessionId, text: "hello", ifBusy: "queue" });
const stop = async (dying: Deps, sessionId: string, cascade: boolean) =>
  await stopSession(dying, { projectId: P, sessionId, runId: null, cascade, reason: "test" });

const deeds: Record<string, (dying: Deps, of: Family) => Promise<unknown>> = {
  "a child's end": async (dying, { child }) => await finish(dying, child),
  "a failed end that gives its message back": async (dying, { child }) =>
    await finish(dying, child, { outcome: "executor_error", itemsTaken: [] }),
  "a claim": async (dying, { grandchild }) => await claim(dying, runner, grandchild.run_id),
  "a child's start": async (dying, { child }) => await submit(dying, { execution_mode: "async_callback" }, child.agent),
  "a message": async (dying, { parent }) => await say(dying, parent.agent.sessionId),
  "a stop of all of them": async (dying, { parent }) => await stop(dying, parent.agent.sessionId, true),
  "a release": async (dying, { parent }) => await releaseInbox(dying, P, parent.agent.sessionId),
  "a deletion": async (dying, { grandchild }) => await removeSession(dying, P, grandchild.session_id),
  "a loss": async (dying, { child }) =>
    await reportLoss(dying, { ...child.agent, runnerId: runner.id, proven: true }, runner.instanceId ?? "", "dead"),
  "an expiry": async (dying, { child }) => {
    await letLeaseExpire(deps.store.db, child.agent.runId);
    await touchLiveness(deps.store.db);
    await expireLeases(dying);
  },
};

it.each(Object.keys(deeds))(
  "%s is done completely or not at all, wherever the coordinator dies in it",
  async (name) => {
    const of = await family();
    if (name === "a release") await stop(deps, of.parent.agent.sessionId, false);
    const look = async () => await observeProject(deps.store.db, P);
    for (let nth = 1; ; nth++) {
      const before = await look();
      // a sweep keeps its clock in a transaction of its own
      const dying = dyingBefore(deps, nth, name === "an expiry" ? 2 : 1);
      await deeds[name]?.(dying.deps, of).catch((error: unknown) => {
        if (!dying.isDead()) throw error;
      });
      expect((await auditDatabase(deps.store)).violations).toEqual([]);
      if (dying.isDead()) {
        expect(await look()).toEqual(before);
        continue;
      }
      expect(nth).toBeGreaterThan(2);
      expect(await look()).not.toEqual(before);
      return;
    }
  },
);
