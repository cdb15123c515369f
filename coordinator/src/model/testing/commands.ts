import fc from "fast-check";
import { lengthenPauses } from "../../store/testing/projects.ts";
import { compare } from "./observe.ts";
import { type Bench, expectSame, type Step } from "./step.ts";
import { helloStep, renew, startedStep, take } from "./steps-attempt.ts";
import { beginWork, claimStep, workThrough } from "./steps-claim.ts";
import { completeStep, completeTwice } from "./steps-complete.ts";
import { resumeByAgent, resumeByPerson, startByAgent, startByPerson, startRoot } from "./steps-create.ts";
import { message, release } from "./steps-inbox.ts";
import { retry } from "./steps-retry.ts";
import { removeStep, reportLossStep, stopRunStep, stopStep } from "./steps-stop.ts";
import { askAgain, confirm, syncCall } from "./steps-sync.ts";
import {
  leaseExpires,
  occupationEnds,
  outage,
  pausesEnd,
  queueTimeEnds,
  restart,
  stopUnanswered,
  timeComes,
} from "./steps-time.ts";

/** A step with what it was given; says so when a failing sequence is printed. */
export interface Command {
  play(bench: Bench): Promise<void>;
  toString(): string;
}

const of = <G>(step: Step<G>): fc.WeightedArbitrary<Command> => ({
  weight: step.weight,
  arbitrary: step.given.map((given) => ({
    play: async (bench) => await play(bench, step, given),
    toString: () => `${step.name} ${fc.stringify(given)}`,
  })),
});

async function play<G>(bench: Bench, step: Step<G>, given: G): Promise<void> {
  bench.counts.set("commands", (bench.counts.get("commands") ?? 0) + 1);
  await step.take(bench, given);
  const { world, real } = bench;
  if (world.items.some((item) => item.paused) || world.runs.some((run) => run.offerPaused))
    await lengthenPauses(real.deps.store.db, real.project);
  expectSame(real.errors, [], "errors in the log");
  await compare(world, real);
}

/** Everything that may happen, the likelier more often. */
const anything: fc.Arbitrary<Command> = fc.oneof(
  of(startRoot),
  of(startByAgent),
  of(startByPerson),
  of(resumeByPerson),
  of(resumeByAgent),
  of(retry),
  of(claimStep),
  of(beginWork),
  of(workThrough),
  of(startedStep),
  of(helloStep),
  of(renew),
  of(take),
  of(completeStep),
  of(completeTwice),
  of(stopStep),
  of(stopRunStep),
  of(reportLossStep),
  of(leaseExpires),
  of(stopUnanswered),
  of(queueTimeEnds),
  of(occupationEnds),
  of(pausesEnd),
  of(timeComes),
  of(outage),
  of(restart),
  of(message),
  of(release),
  of(syncCall),
  of(askAgain),
  of(confirm),
  of(removeStep),
);

export const sequences = (commandsMin: number, commandsMax: number): fc.Arbitrary<Command[]> =>
  fc.array(anything, { minLength: commandsMin, maxLength: commandsMax, size: "max" });
