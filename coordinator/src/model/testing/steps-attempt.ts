import fc from "fast-check";
import { appendFrames } from "../../events/append-frames.ts";
import { greetSupervisor } from "../../runs/greet-supervisor.ts";
import { noteTaken } from "../../runs/note-progress.ts";
import { startRun } from "../../runs/start-run.ts";
import { chooseAttempt, itemsOf, judgeNewest } from "./attempts.ts";
import { comeToRest } from "./come-to-rest.ts";
import { codeOf } from "./real.ts";
import { sessionOf } from "./rules.ts";
import { type Bench, chooseOf, count, expectSame, type Step } from "./step.ts";
import type { Attempt } from "./world.ts";

const n = fc.nat({ max: 30 });

export async function started(bench: Bench, attempt: Attempt, stranger: boolean): Promise<void> {
  const { world, real } = bench;
  const { run, runner } = attempt;
  let expected = judgeNewest(world, attempt);
  if (expected === "ok" && stranger) expected = "not_the_claimer";
  if (expected === "ok" && run.state === "stopping") expected = "run_stopping";
  if (expected === "ok" && run.state === "pending") expected = "offer_lapsed";
  const claimer = {
    runId: run.id ?? "",
    attempt: attempt.number,
    runnerId: stranger ? "rnr_stranger" : runner.id,
    proven: !(stranger || runner.plain),
  };
  expectSame(await codeOf(startRun(real.deps, claimer)), expected, "started");
  if (expected !== "ok" || run.state !== "claimed") return;
  run.state = "running";
  run.deliveries++;
  const session = sessionOf(world, run.session);
  if (session !== undefined) session.look = "running";
}

export async function hello(bench: Bench, attempt: Attempt, other: boolean): Promise<void> {
  const { world, real } = bench;
  if (attempt.runner.plain) return;
  const { run } = attempt;
  const incarnation = other || attempt.incarnation === null ? real.deps.ids.make("incarnation") : attempt.incarnation;
  let expected = judgeNewest(world, attempt);
  if (expected === "ok" && run.outcome !== null) expected = "run_terminal";
  if (expected === "ok" && attempt.incarnation !== null && other) expected = "supervisor_superseded";
  if (expected === "ok" && run.state === "stopping") expected = "run_stopping";
  if (expected === "ok" && run.state !== "running") expected = "offer_lapsed";
  const greeting = { runId: run.id ?? "", attempt: attempt.number, incarnation, hostname: "one-host" };
  expectSame(await codeOf(greetSupervisor(real.deps, greeting)), expected, "hello");
  if (expected === "ok") attempt.incarnation = incarnation;
}

const authorOf = (attempt: Attempt) => ({
  runId: attempt.run.id ?? "",
  attempt: attempt.number,
  incarnation: attempt.incarnation ?? "inc_unbound",
});

export const startedStep: Step<[number, boolean]> = {
  name: "started",
  weight: 3,
  given: fc.tuple(n, fc.constantFrom(false, false, false, true)),
  take: async (bench, [which, stranger]) => {
    const attempt = chooseAttempt(bench.world, which);
    if (attempt !== undefined) await started(bench, attempt, stranger);
  },
};

export const helloStep: Step<[number, boolean]> = {
  name: "hello",
  weight: 3,
  given: fc.tuple(n, fc.constantFrom(false, false, true)),
  take: async (bench, [which, other]) => {
    const attempt = chooseAttempt(bench.world, which);
    if (attempt !== undefined) await hello(bench, attempt, other);
  },
};

export const renew: Step<number> = {
  name: "renew",
  weight: 5,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const cutOff = chooseOf(
      world.attempts,
      which,
      ({ run, number, incarnation }) => run.state === "pending" && run.attempt === number && incarnation !== null,
    );
    const attempt = which % 2 === 0 ? (cutOff ?? chooseAttempt(world, which)) : chooseAttempt(world, which);
    if (attempt === undefined || attempt.runner.plain) return;
    const { run } = attempt;
    let expected = judgeNewest(world, attempt);
    if (expected === "ok" && attempt.incarnation === null) expected = "supervisor_superseded";
    const batch = { ...authorOf(attempt), frames: [], acknowledgedDirectives: [] };
    expectSame(await codeOf(appendFrames(real.deps, batch)), expected, "renewal");
    if (expected !== "ok" || run.state !== "pending") return;
    // the cut-off attempt is at work again, with the message that it had
    run.state = "running";
    for (const item of itemsOf(world, run))
      if (item.state === "assigned" && item.told !== run.attempt)
        Object.assign(item, { state: "new", run: null, told: null });
    count(bench, "retaken");
    comeToRest(world);
  },
};

export async function noteItemsTaken(bench: Bench, attempt: Attempt, mask: number): Promise<void> {
  const { world, real } = bench;
  const taken = attempt.told.filter((_item, index) => ((mask + 1) >> index) % 2 === 1);
  let expected = judgeNewest(world, attempt);
  if (expected === "ok" && attempt.incarnation === null) expected = "supervisor_superseded";
  if (expected === "ok" && attempt.run.outcome !== null) expected = "run_terminal";
  const ids = taken.map((item) => item.id ?? "");
  expectSame(await codeOf(noteTaken(real.deps, authorOf(attempt), ids)), expected, "items taken");
  if (expected !== "ok") return;
  for (const item of taken)
    if (item.run === attempt.run && item.told === attempt.number && item.state === "assigned") item.state = "taken";
}

export const take: Step<[number, number]> = {
  name: "items taken",
  weight: 3,
  given: fc.tuple(n, n),
  take: async (bench, [which, mask]) => {
    const attempt = chooseAttempt(bench.world, which);
    if (attempt !== undefined && !attempt.runner.plain) await noteItemsTaken(bench, attempt, mask);
  },
};
