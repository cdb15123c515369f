import fc from "fast-check";
import { claimRuns, replayOffers } from "../../runs/claim-runs.ts";
import { listLanes } from "../../store/lanes.ts";
import { itemsOf } from "./attempts.ts";
import { runnerOf } from "./real.ts";
import { claimable } from "./rules.ts";
import { type Bench, choose, count, expectSame, type Step } from "./step.ts";
import { hello, noteItemsTaken, started } from "./steps-attempt.ts";
import { complete, DONE } from "./steps-complete.ts";
import type { Attempt, ModelRunner, Run } from "./world.ts";

const n = fc.nat({ max: 30 });

async function claim(bench: Bench, runner: ModelRunner, only: Run | null, newPoll: boolean): Promise<Attempt | null> {
  const { world, real } = bench;
  if (newPoll || runner.polls === 0) runner.polls++;
  const pollId = `${runner.id}_${runner.polls}`;
  const open = world.attempts.filter(
    (one) =>
      one.runner === runner &&
      one.pollId === pollId &&
      one.run.attempt === one.number &&
      one.run.state === "claimed" &&
      world.runs.includes(one.run),
  );
  const again = await replayOffers(real.deps, runner.id, pollId);
  expectSame(
    again.map((offer) => offer.run_id).toSorted(),
    open.map((one) => one.run.id).toSorted(),
    "offers of the same poll",
  );
  if (open.length > 0) return open[0] ?? null;
  const run = claimable(world, runner, pollId, only);
  const claimed = await claimRuns(real.deps, {
    runner: runnerOf(real, runner.id),
    laneIds: (await listLanes(real.deps.store.db, real.project)).map((lane) => lane.id),
    count: 1,
    instanceId: runner.plain ? null : (runnerOf(real, runner.id).instanceId ?? null),
    pollId,
    plain: runner.plain,
    onlyRunId: only?.id ?? null,
  });
  const offer = claimed[0]?.offer;
  expectSame(offer?.run_id ?? null, run?.id ?? null, "the run that is offered");
  if (run === null || offer === undefined) return null;
  run.state = "claimed";
  run.attempt++;
  run.offerPaused = false;
  for (const item of itemsOf(world, run)) {
    if (item.state === "taken") item.deliveries++;
    item.state = "assigned";
    item.told = run.attempt;
  }
  const told = itemsOf(world, run);
  expectSame(offer.items.toSorted(), told.map((item) => item.id).toSorted(), "the items of the message");
  const attempt: Attempt = {
    run,
    number: run.attempt,
    runner,
    pollId,
    told,
    incarnation: null,
    lapsed: false,
    acceptedEnd: null,
  };
  world.attempts.push(attempt);
  return attempt;
}

export const claimStep: Step<[number, number | null, boolean]> = {
  name: "claim",
  weight: 3,
  given: fc.tuple(n, fc.option(n, { freq: 2 }), fc.constantFrom(true, true, false)),
  take: async (bench, [who, which, newPoll]) => {
    const runner = choose(bench.world.runners, who);
    if (runner === undefined) return;
    const only = which === null ? null : (choose(bench.world.runs, which) ?? null);
    if ((await claim(bench, runner, only, newPoll)) !== null) count(bench, "claimed");
  },
};

/** Claimed, started and supervised: most of what happens, happens to such a run. */
export const beginWork: Step<number> = {
  name: "begin work",
  weight: 18,
  given: n,
  take: async (bench, who) => void (await begin(bench, who)),
};

/** From the claim to the end, so that what others wait for comes about. */
export const workThrough: Step<number> = {
  name: "work through",
  weight: 12,
  given: n,
  take: async (bench, who) => {
    const attempt = await begin(bench, who);
    if (attempt !== null) await complete(bench, attempt, DONE);
  },
};

async function begin(bench: Bench, who: number): Promise<Attempt | null> {
  const runner = choose(bench.world.runners, who);
  const attempt = runner === undefined ? null : await claim(bench, runner, null, true);
  if (attempt === null) return null;
  await started(bench, attempt, false);
  await hello(bench, attempt, false);
  if (who % 3 !== 2 && !runner?.plain && attempt.told.length > 0) await noteItemsTaken(bench, attempt, who);
  count(bench, "begun");
  return attempt;
}
