import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { reportLoss } from "../leases/report-loss.ts";
import { sendMessage } from "../sessions/send-message.ts";
import type { RunnerRecord } from "../store/records.ts";
import { damage } from "../store/testing/damage.ts";
import { aRunner, claim, finish, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { auditDatabase } from "./audit.ts";

let deps: TestDeps;
let runner: RunnerRecord;
/** A small fleet: a parent at rest that waits for a child at work, another child that has reported, an offer, a lost run. */
const at: Record<string, string> = {};
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
  const start = async (runId: string) => await startAttempt(deps, runner, runId);
  const parent = await start((await submit(deps, { join: "all" })).run_id);
  const working = await start((await submit(deps, { execution_mode: "async_callback" }, parent.agent)).run_id);
  const frame = { frame: 1, type: "output" as const, at: new Date().toISOString(), data: { text: "x" } };
  await appendFrames(deps, {
    ...working.agent,
    incarnation: working.incarnation,
    frames: [frame],
    acknowledgedDirectives: [],
  });
  const done = await start((await submit(deps, { execution_mode: "async_callback" }, parent.agent)).run_id);
  await finish(deps, done);
  await finish(deps, parent);
  const offered = await submit(deps);
  await claim(deps, runner, offered.run_id);
  const lost = await start((await submit(deps)).run_id);
  await reportLoss(deps, { ...lost.agent, runnerId: runner.id, proven: true }, runner.instanceId ?? "", "dead");
  const woken = await submit(deps);
  await finish(deps, await start(woken.run_id));
  await sendMessage(deps, { projectId: "default", sessionId: woken.session_id, text: "m", ifBusy: "queue" });
  Object.assign(at, {
    parent: parent.agent.sessionId,
    working: working.agent.runId,
    workingSession: working.agent.sessionId,
  });
  Object.assign(at, {
    done: done.agent.runId,
    offered: offered.run_id,
    lost: lost.agent.runId,
    wokenSession: woken.session_id,
  });
});
afterAll(async () => await deps.close());

const audit = async () => await auditDatabase(deps.store);

describe("the auditor", () => {
  it("finds nothing in a sound fleet, and says what it looked at", async () => {
    const { violations, counts } = await audit();
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ sessions: 6, runs: 7, attempts: 6, duties: 2, items: 2 });
    expect(counts).toMatchObject({
      "runs running": 1,
      "runs claimed": 1,
      "runs pending": 2,
      "items new": 1,
      "items assigned": 1,
    });
  });

  it("looks at one project only when asked", async () => {
    expect((await auditDatabase(deps.store, { projectId: "another" })).counts).toMatchObject({ runs: 0 });
  });

  const damages: readonly (readonly [string, () => string, RegExp])[] = [
    [
      "a run at work without a lease",
      () => `UPDATE runs SET lease_expires_at = NULL WHERE id = '${at["working"]}'`,
      /^I1: .* has no lease/,
    ],
    [
      "two runs of a session at work",
      () => `UPDATE runs SET session_id = '${at["workingSession"]}' WHERE id = '${at["offered"]}'`,
      /^I1: .* has the active runs/,
    ],
    [
      "an old attempt that was never closed",
      () => `UPDATE attempts SET ended_at = NULL WHERE run_id = '${at["lost"]}'`,
      /^I1: .* open are the attempts/,
    ],
    ["an end that was taken back", () => `UPDATE runs SET finished_at = NULL WHERE id = '${at["done"]}'`, /^I2: /],
    [
      "an end of a run that goes on",
      () => `UPDATE attempts SET end_hash = 'x' WHERE run_id = '${at["working"]}'`,
      /^I2: 1 ends of/,
    ],
    [
      "a state that its outcome denies",
      () => `UPDATE runs SET outcome = 'stopped' WHERE id = '${at["done"]}'`,
      /^I2: .* says stopped/,
    ],
    [
      "an end of an attempt that is not the newest",
      () => `UPDATE runs SET attempt = 2 WHERE id = '${at["done"]}'`,
      /^I3: /,
    ],
    [
      "a frame that was acknowledged and is gone",
      () => `DELETE FROM events WHERE run_id = '${at["working"]}'`,
      /^I3: attempt 1 of/,
    ],
    ["a hole in a sequence", () => `UPDATE events SET seq = 7 WHERE run_id = '${at["working"]}'`, /^I3: the sequence/],
    ["a missing attempt", () => `UPDATE runs SET attempt = 3 WHERE id = '${at["lost"]}'`, /^I4: /],
    [
      "a start that was not counted",
      () => `UPDATE runs SET deliveries = 0 WHERE id = '${at["lost"]}'`,
      /^I12: .* counts 0 starts/,
    ],
    [
      "more starts than allowed",
      () => `UPDATE runs SET deliveries = 4 WHERE id = '${at["lost"]}'`,
      /^I12: .* was started 4 times/,
    ],
    [
      "a waiting run that nothing keeps",
      () => `UPDATE runs SET ready = false, waiting_for = 'session_busy' WHERE id = '${at["lost"]}'`,
      /^I6: nothing keeps/,
    ],
    [
      "a reason that nobody knows",
      () => `UPDATE runs SET ready = false, waiting_for = 'godot' WHERE id = '${at["lost"]}'`,
      /^I6: .* nobody knows/,
    ],
    [
      "a time that has long passed",
      () =>
        `UPDATE runs SET ready = false, waiting_for = 'not_before', not_before = now() - interval '1 hour' WHERE id = '${at["lost"]}'`,
      /^I6: .* that time has passed/,
    ],
    [
      "a session that says it works and does not",
      () => `UPDATE sessions SET state = 'running' WHERE id = '${at["parent"]}'`,
      /^I6: .* nothing of it was begun/,
    ],
    [
      "a child that has settled and owes still",
      () => `UPDATE sessions SET settled_at = now() WHERE id = '${at["workingSession"]}'`,
      /^I7: duty .* is settled/,
    ],
    [
      "a report that is gone",
      () => `DELETE FROM inbox_items WHERE session_id = '${at["parent"]}'`,
      /^I7: duty .* is paid and has 0 items/,
    ],
    [
      "a promise that nobody keeps",
      () => `DELETE FROM duties WHERE parent_session_id = '${at["parent"]}'`,
      /^I7: .* promised .* a report/,
    ],
    [
      "a parent that settled too early",
      () => `UPDATE sessions SET settled_at = now() WHERE id = '${at["parent"]}'`,
      /^I7: .* is settled: 0 open runs, awaits 1/,
    ],
    [
      "an item that nobody delivers",
      () => `UPDATE inbox_items SET state = 'new', run_id = NULL WHERE session_id = '${at["wokenSession"]}'`,
      /^I7: item .* nothing keeps it/,
    ],
    [
      "an item of a run that has ended",
      () => `UPDATE inbox_items SET run_id = '${at["done"]}' WHERE session_id = '${at["wokenSession"]}'`,
      /^I7: item .* its run is/,
    ],
    [
      "an item that an old attempt took",
      () => `UPDATE inbox_items SET state = 'taken', attempt = 9 WHERE session_id = '${at["wokenSession"]}'`,
      /^I7: item .* attempt 9 took it/,
    ],
  ];
  it.each(damages)("notices %s", async (_what, statement, expected) => {
    const { violations } = await damage(deps.store, statement(), async (store) => await auditDatabase(store));
    expect(violations).toContainEqual(expect.stringMatching(expected));
  });

  it("had all its damages undone", async () => {
    expect((await audit()).violations).toEqual([]);
  });
});
