import fc from "fast-check";
import { reportLoss } from "../../leases/report-loss.ts";
import { stopSession } from "../../runs/stop-run.ts";
import { removeSession } from "../../sessions/remove-session.ts";
import { chooseAttempt } from "./attempts.ts";
import { comeToRest } from "./come-to-rest.ts";
import { lose, remove, stop } from "./endings.ts";
import { codeOf, runnerOf } from "./real.ts";
import { choose, count, expectSame, type Step } from "./step.ts";

const n = fc.nat({ max: 30 });

export const stopStep: Step<[number, boolean]> = {
  name: "stop session",
  weight: 3,
  given: fc.tuple(n, fc.constantFrom(true, true, false)),
  take: async (bench, [which, cascade]) => {
    const { world, real } = bench;
    const session = choose(world.sessions, which);
    if (session === undefined) return;
    const request = { projectId: real.project, sessionId: session.id, runId: null, cascade, reason: "test" };
    expectSame(await codeOf(stopSession(real.deps, request)), "ok", "stop");
    stop(world, session.id, null, cascade);
    comeToRest(world);
  },
};

export const stopRunStep: Step<[number, boolean]> = {
  name: "stop run",
  weight: 2,
  given: fc.tuple(n, fc.boolean()),
  take: async (bench, [which, cascade]) => {
    const { world, real } = bench;
    const run = choose(world.runs, which);
    if (run === undefined) return;
    const request = { projectId: real.project, sessionId: run.session, runId: run.id, cascade, reason: "test" };
    expectSame(await codeOf(stopSession(real.deps, request)), "ok", "stop");
    stop(world, run.session, run, cascade);
    comeToRest(world);
  },
};

export const reportLossStep: Step<[number, boolean]> = {
  name: "report loss",
  weight: 3,
  given: fc.tuple(n, fc.constantFrom(false, false, false, true)),
  take: async (bench, [which, thawed]) => {
    const { world, real } = bench;
    const attempt = chooseAttempt(world, which);
    if (attempt === undefined) return;
    const { run, runner } = attempt;
    const active = run.outcome === null && run.state !== "pending" && run.attempt === attempt.number;
    let expected = world.runs.includes(run) ? "ok" : "run_not_found";
    if (expected === "ok" && active && thawed && !runner.plain) expected = "duplicate_runner";
    const claimer = { runId: run.id ?? "", attempt: attempt.number, runnerId: runner.id, proven: true };
    const instance = thawed ? "ins_old" : (runnerOf(real, runner.id).instanceId ?? "");
    expectSame(await codeOf(reportLoss(real.deps, claimer, instance, "test")), expected, "loss");
    if (expected !== "ok" || !active) return;
    lose(world, run, true);
    comeToRest(world);
    count(bench, "losses");
  },
};

export const removeStep: Step<number> = {
  name: "delete session",
  weight: 1,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const session = choose(world.sessions, which);
    if (session === undefined) return;
    const expected = remove(world, session);
    expectSame(await codeOf(removeSession(real.deps, real.project, session.id)), expected, "delete");
    comeToRest(world);
  },
};
