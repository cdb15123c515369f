import { choose, chooseOf } from "./step.ts";
import type { Attempt, Item, Run, World } from "./world.ts";

/** Mostly one that is the newest of a run that goes on; sometimes one that is over and does not know it. */
export function chooseAttempt(world: World, n: number): Attempt | undefined {
  const goesOn = ({ run, number }: Attempt) =>
    world.runs.includes(run) && run.attempt === number && run.outcome === null;
  const chosen = n % 5 === 4 ? undefined : chooseOf(world.attempts, n, goesOn);
  return chosen ?? choose(world.attempts, n);
}

export const itemsOf = (world: World, run: Run): Item[] =>
  world.items.filter((item) => item.run === run && (item.state === "assigned" || item.state === "taken"));

/** Who speaks for an attempt is refused like this before anything else is looked at. */
export function judgeNewest(world: World, attempt: Attempt): string {
  if (!world.runs.includes(attempt.run)) return "run_not_found";
  return attempt.run.attempt === attempt.number ? "ok" : "attempt_superseded";
}
