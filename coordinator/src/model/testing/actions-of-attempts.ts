import { appendFrames } from "../../events/append-frames.ts";
import { reportLoss } from "../../leases/report-loss.ts";
import { claimRuns } from "../../runs/claim-runs.ts";
import { completeRun } from "../../runs/complete-run.ts";
import { greetSupervisor } from "../../runs/greet-supervisor.ts";
import { noteTaken } from "../../runs/note-progress.ts";
import { startRun } from "../../runs/start-run.ts";
import { listLanes } from "../../store/lanes.ts";
import { type Action, FENCED, type KnownAttempt, type Outside, ofAttempt } from "./outside.ts";
import { runnerOf } from "./real.ts";
import { choose } from "./step.ts";

async function claim(outside: Outside, which: number, beginAtOnce: boolean): Promise<void> {
  const { deps, project, modelRunners } = outside.real;
  const model = choose(modelRunners, which);
  if (model === undefined) return;
  const runner = runnerOf(outside.real, model.id);
  const claimed = await claimRuns(deps, {
    runner,
    laneIds: (await listLanes(deps.store.db, project)).map((lane) => lane.id),
    count: 1 + (which % 3),
    instanceId: model.plain ? null : (runner.instanceId ?? null),
    pollId: deps.ids.make("poll"),
    plain: model.plain,
    onlyRunId: null,
  });
  for (const { offer } of claimed) {
    const known: KnownAttempt = {
      runId: offer.run_id,
      session: offer.session_id,
      attempt: offer.attempt,
      runnerId: runner.id,
      plain: model.plain,
      items: offer.items,
      incarnations: [deps.ids.make("incarnation"), deps.ids.make("incarnation")],
    };
    outside.attempts.push(known);
    if (!outside.runs.some((run) => run.id === known.runId))
      outside.runs.push({ id: known.runId, session: known.session });
    if (!beginAtOnce) continue;
    await startRun(deps, claimerOf(known));
    if (!known.plain)
      await greetSupervisor(deps, { ...known, incarnation: known.incarnations[0], hostname: "one-host" });
  }
}

const claimerOf = ({ runId, attempt, runnerId, plain }: KnownAttempt) => ({ runId, attempt, runnerId, proven: !plain });

const complete = ofAttempt(async ({ real }, known, incarnation, which) => {
  const outcome = which % 5 === 4 ? "executor_error" : which % 5 === 3 ? "stopped" : "completed";
  const items = known.plain ? {} : { itemsTaken: which % 3 === 2 ? [] : known.items };
  const end = {
    outcome,
    incarnation: known.plain ? null : incarnation,
    log: null,
    treeGone: which % 4 !== 3,
    ...items,
  } as const;
  await completeRun(real.deps, claimerOf(known), end);
});

/** What runners and supervisors do. */
export const ACTIONS_OF_ATTEMPTS: readonly Action[] = [
  { name: "claim", weight: 2, refusals: [], act: async (outside, which) => await claim(outside, which, false) },
  {
    name: "begin work",
    weight: 8,
    refusals: [...FENCED, "offer_lapsed", "run_stopping"],
    act: async (outside, which) => await claim(outside, which, true),
  },
  {
    name: "started",
    weight: 2,
    refusals: [...FENCED, "offer_lapsed", "run_stopping", "not_the_claimer"],
    act: ofAttempt(async ({ real }, known) => await startRun(real.deps, claimerOf(known))),
  },
  {
    name: "hello",
    weight: 2,
    refusals: [...FENCED, "offer_lapsed", "run_stopping"],
    act: ofAttempt(async ({ real }, known, incarnation) => {
      if (!known.plain) await greetSupervisor(real.deps, { ...known, incarnation, hostname: "one-host" });
    }),
  },
  {
    name: "renew",
    weight: 3,
    refusals: FENCED,
    act: ofAttempt(async ({ real }, known, incarnation) => {
      if (!known.plain)
        await appendFrames(real.deps, { ...known, incarnation, frames: [], acknowledgedDirectives: [] });
    }),
  },
  {
    name: "items taken",
    weight: 2,
    refusals: FENCED,
    act: ofAttempt(async ({ real }, known, incarnation) => {
      if (!known.plain) await noteTaken(real.deps, { ...known, incarnation }, known.items);
    }),
  },
  { name: "complete", weight: 8, refusals: [...FENCED, "not_the_claimer"], act: complete },
  {
    name: "complete twice",
    weight: 2,
    refusals: [...FENCED, "not_the_claimer"],
    act: async (outside, which) => await Promise.all([complete(outside, which), complete(outside, which)]),
  },
  {
    name: "report loss",
    weight: 3,
    refusals: ["run_not_found", "attempt_superseded", "not_the_claimer"],
    act: ofAttempt(async ({ real }, known) => {
      const instance = runnerOf(real, known.runnerId).instanceId ?? "";
      await reportLoss(real.deps, { ...claimerOf(known), proven: true }, instance, "test");
    }),
  },
];
