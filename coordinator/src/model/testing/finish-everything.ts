import assert from "node:assert/strict";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Deps } from "../../deps.ts";
import { expireLeases } from "../../leases/expire-leases.ts";
import { promoteDue, sweepForgotten } from "../../leases/sweep-forgotten.ts";
import { registerRunner } from "../../runners/register-runner.ts";
import { claimRuns } from "../../runs/claim-runs.ts";
import { completeRun } from "../../runs/complete-run.ts";
import { greetSupervisor } from "../../runs/greet-supervisor.ts";
import { startRun } from "../../runs/start-run.ts";
import { type History, readHistory } from "../../store/history.ts";
import { listLanes } from "../../store/lanes.ts";
import { touchLiveness } from "../../store/leases.ts";
import type { RunnerRecord } from "../../store/records.ts";
import { letEverythingPass } from "../../store/testing/let-time-pass.ts";
import type { Real } from "./real.ts";

const ROUNDS_MAX = 60;

/**
 * A sound runner comes and does whatever there is to do, everybody else is gone. Whatever happened before, everything must come to an
 * end: every run terminal, every session settled, every report delivered, held or set aside.
 */
export async function finishEverything({ deps, project }: Real): Promise<void> {
  const runner = await registerRunner(deps, project, {
    runner_id: `rnr_${project}_last`,
    instance_id: deps.ids.make("instance"),
    hostname: "one-host",
    project_dir: "/tmp",
    slots: 1_000,
  });
  let left: string[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await letEverythingPass(deps.store.db, project);
    await touchLiveness(deps.store.db);
    await expireLeases(deps);
    await promoteDue(deps);
    await sweepForgotten(deps);
    while (await workOnce(deps, project, runner));
    left = unfinished(await readHistory(deps.store.db, project));
    if (left.length === 0) return;
  }
  assert.deepEqual(left, [], "everything comes to an end");
}

async function workOnce(deps: Deps, project: string, runner: RunnerRecord): Promise<boolean> {
  const lanes = await listLanes(deps.store.db, project);
  const claimed = await claimRuns(deps, {
    runner,
    laneIds: lanes.map((lane) => lane.id),
    count: 100,
    instanceId: runner.instanceId,
    pollId: deps.ids.make("poll"),
    plain: false,
    onlyRunId: null,
  });
  for (const { offer } of claimed) {
    const claimer = { runId: offer.run_id, attempt: offer.attempt, runnerId: runner.id, proven: true };
    const incarnation = deps.ids.make("incarnation");
    await startRun(deps, claimer);
    await greetSupervisor(deps, { ...claimer, incarnation, hostname: "one-host" });
    await completeRun(deps, claimer, {
      outcome: "completed",
      incarnation,
      itemsTaken: offer.items,
      treeGone: true,
      log: null,
    });
  }
  return claimed.length > 0;
}

function unfinished({ runs, sessions, duties, items }: History): string[] {
  const held = new Set(sessions.filter((session) => session.held).map((session) => session.id));
  return [
    ...runs.filter((run) => !isTerminalRun(run.state)).map((run) => `${run.id} is ${run.state}`),
    ...sessions.filter((session) => !session.settled).map((session) => `${session.id} is not settled`),
    ...duties.filter((duty) => duty.owed).map((duty) => `${duty.child} owes ${duty.parent} a report`),
    ...items
      .filter((item) => item.state !== "consumed" && item.state !== "set_aside" && !held.has(item.session))
      .map((item) => `item ${item.id} of ${item.session} is ${item.state}`),
  ];
}
