/** F19: a runner is drained in the moment in which work is given to it. */
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round } from "../fault.ts";
import type { Host } from "../stage/open-stage.ts";
import { lostAttempts } from "./hit.ts";

const RACES = 6;
const RUNS_PER_RACE = 4;

export const drainRace: Fault = {
  id: "F19",
  title: "drains that race with claims",
  variants: [
    {
      name: "through the coordinator",
      inject: async (round) => await race(round, drainThroughCoordinator),
      judge: judgeDrains,
    },
    {
      name: "with SIGTERM",
      inject: async (round) => await race(round, async (host) => host.runner.signal("SIGTERM")),
      judge: judgeDrains,
    },
  ],
};

interface Drained {
  readonly runnerId: string;
  readonly fromMs: number;
  /** When it came back. */
  readonly untilMs: number;
}

const drains = new WeakMap<Round, Drained[]>();

/** Half of the fleet leaves each time, in the middle of a burst of short runs; what it has it finishes, and then it ends by itself. */
async function race(round: Round, drain: (host: Host, runnerId: string, round: Round) => Promise<void>): Promise<void> {
  const drained: Drained[] = [];
  drains.set(round, drained);
  for (let time = 0; time < RACES; time += 1) {
    const host = round.random.pick(round.stage.hosts);
    const runnerId = idOf(host);
    const burst = Array.from({ length: RUNS_PER_RACE }, async () => {
      await round.sleep(round.random.int(0, 60));
      await round.workload.create({ steps: [{ say: "short" }] });
    });
    await round.sleep(round.random.int(0, 60));
    await drain(host, runnerId, round);
    const fromMs = Date.now();
    await Promise.all(burst);
    const { ended } = host.runner;
    let over = false;
    void ended.then(() => {
      over = true;
    });
    await round.until(`the drained runner ${host.name} has ended`, () => over);
    drained.push({ runnerId, fromMs, untilMs: Date.now() });
    await host.restart();
  }
}

async function drainThroughCoordinator(_host: Host, runnerId: string, round: Round): Promise<void> {
  await round.stage.fleet.client.runners.drain(runnerId, { signal: round.signal });
}

function idOf(host: Host): string {
  const id = host.runner.output
    .map((line) => /"runnerId":"(rnr_[^"]+)"/.exec(line)?.[1])
    .find((found) => found !== undefined);
  if (id === undefined) throw new Error(`runner ${host.name} has not said its id`);
  return id;
}

/** After the coordinator has said that it drains the runner, nothing is given to it; a runner that drains itself refuses what is offered. */
function judgeDrains(round: Round, facts: Facts): string[] {
  const late = (drains.get(round) ?? []).flatMap(({ runnerId, fromMs, untilMs }) =>
    facts.attempts.filter(
      (attempt) =>
        attempt.runnerId === runnerId &&
        attempt.claimedAtMs > fromMs &&
        attempt.claimedAtMs < untilMs &&
        attempt.startedAtMs !== null,
    ),
  );
  const failed = facts.runs.filter(({ outcome }) => outcome !== "completed");
  return [
    ...lostAttempts(facts),
    ...late.map(({ runId, runnerId }) => `${runId} was claimed and started by ${runnerId} after it was drained`),
    ...failed.map(({ id, outcome }) => `${id} ended as ${outcome}`),
  ];
}
