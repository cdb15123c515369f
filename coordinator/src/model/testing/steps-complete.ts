import type { Outcome } from "@parallax/shared/outcome";
import fc from "fast-check";
import { type AttemptEnd, completeRun } from "../../runs/complete-run.ts";
import { chooseAttempt, judgeNewest } from "./attempts.ts";
import { comeToRest } from "./come-to-rest.ts";
import { end } from "./endings.ts";
import { codeOf } from "./real.ts";
import { type Bench, count, expectSame, type Step } from "./step.ts";
import type { Attempt } from "./world.ts";

const n = fc.nat({ max: 30 });

interface Said {
  readonly outcome: Outcome;
  /** The agent could not be reached at its model's API. */
  readonly apiError: boolean;
  readonly taken: "all" | "none";
  readonly treeGone: boolean;
  /** The runner says it in place of a supervisor that never came, or is a plain one. */
  readonly byRunner: boolean;
  readonly text: "one" | "other";
}

const OUTCOMES: readonly Outcome[] = [
  "completed",
  "completed",
  "completed",
  "completed_with_denials",
  "needs_input",
  "interrupted",
  "stopped",
  "agent_error",
  "executor_error",
  "usage_limited",
  "timeout",
];

const said = fc.record<Said>({
  outcome: fc.constantFrom(...OUTCOMES),
  apiError: fc.constantFrom(false, false, false, false, true),
  taken: fc.constantFrom("all", "all", "none"),
  treeGone: fc.constantFrom(true, true, true, false),
  byRunner: fc.constantFrom(false, false, false, true),
  text: fc.constantFrom("one", "one", "other"),
});

export const DONE: Said = {
  outcome: "completed",
  apiError: false,
  taken: "all",
  treeGone: true,
  byRunner: false,
  text: "one",
};

function endOf(attempt: Attempt, { outcome, apiError, taken, treeGone, byRunner, text }: Said): AttemptEnd {
  const bySupervisor = !(byRunner || attempt.runner.plain);
  return {
    outcome,
    incarnation: bySupervisor ? (attempt.incarnation ?? "inc_unbound") : null,
    resultText: text,
    error: apiError ? { code: "agent_api_error", message: "the model's API was away" } : null,
    treeGone,
    log: null,
    ...(bySupervisor ? { itemsTaken: taken === "all" ? attempt.told.map((item) => item.id ?? "") : [] } : {}),
  };
}

export async function complete(bench: Bench, attempt: Attempt, words: Said): Promise<void> {
  const { world, real } = bench;
  const { run } = attempt;
  const report = endOf(attempt, words);
  const key = `${report.incarnation} ${words.outcome} ${words.apiError} ${words.text}`;
  let expected = judgeNewest(world, attempt);
  const repeated = attempt.acceptedEnd === key;
  if (expected === "ok" && report.incarnation !== null && report.incarnation !== attempt.incarnation)
    expected = "supervisor_superseded";
  if (expected === "ok" && run.outcome !== null && !repeated) expected = "run_terminal";
  const claimer = {
    runId: run.id ?? "",
    attempt: attempt.number,
    runnerId: attempt.runner.id,
    proven: !attempt.runner.plain,
  };
  expectSame(await codeOf(completeRun(real.deps, claimer, report)), expected, "completion");
  if (expected !== "ok" || run.outcome !== null) return;
  attempt.acceptedEnd = key;
  // who reports its end has received the offer
  attempt.lapsed = false;
  const judged = run.state === "stopping" && words.outcome === "interrupted" ? "stopped" : words.outcome;
  const all = report.itemsTaken === undefined ? attempt.runner.plain : words.taken === "all";
  if (run.state === "pending") count(bench, "late ends");
  end(world, run, {
    outcome: judged,
    taken: all ? attempt.told : [],
    treeGone: words.treeGone,
    unheard: words.apiError,
  });
  comeToRest(world);
}

export const completeStep: Step<[number, Said]> = {
  name: "complete",
  weight: 9,
  given: fc.tuple(n, said),
  take: async (bench, [which, words]) => {
    const attempt = chooseAttempt(bench.world, which);
    if (attempt !== undefined) await complete(bench, attempt, words);
  },
};

/** The same words twice, because the first answer was lost. */
export const completeTwice: Step<[number, Said]> = {
  name: "complete, and again",
  weight: 2,
  given: fc.tuple(n, said),
  take: async (bench, [which, words]) => {
    const attempt = chooseAttempt(bench.world, which);
    if (attempt === undefined) return;
    await complete(bench, attempt, words);
    await complete(bench, attempt, words);
  },
};
