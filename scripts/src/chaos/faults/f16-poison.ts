/** F16: a run that takes its supervisor, or its runner too, with it each time it is tried. */
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round } from "../fault.ts";
import { sendSignal } from "../stage/list-processes.ts";
import { supervisorsOf } from "./hit.ts";

const DELIVERIES = 3;
/** Long enough that it never ends by itself. */
const POISON_LINES = 2_000;

export const poison: Fault = {
  id: "F16",
  title: "a run that kills what runs it",
  variants: [
    {
      name: "its supervisor",
      inject: async (round) => await feed(round, { killsRunner: false, stopAfter: null }),
      judge: judgePoison,
    },
    {
      name: "its supervisor and runner",
      inject: async (round) => await feed(round, { killsRunner: true, stopAfter: null }),
      judge: judgePoison,
    },
    {
      name: "its supervisor, until it is stopped",
      inject: async (round) => await feed(round, { killsRunner: false, stopAfter: 2 }),
      judge: (round, facts) => {
        const run = poisonOf(round, facts);
        return run?.state === "stopped" ? [] : [`the poisonous run was stopped and is ${run?.state} (${run?.outcome})`];
      },
    },
  ],
};

const poisonous = new WeakMap<Round, string>();

interface Poison {
  readonly killsRunner: boolean;
  /** Deaths after which somebody stops it. */
  readonly stopAfter: number | null;
}

async function feed(round: Round, { killsRunner, stopAfter }: Poison): Promise<void> {
  const { stage, workload } = round;
  const line = "${run} ${attempt} ${i} ${time} poison";
  const work = [{ append: { file: workload.ledger, line } }, { wait_ms: 100 }];
  const { runId, sessionId } = await workload.create({ steps: [{ repeat: { times: POISON_LINES, steps: work } }] });
  poisonous.set(round, runId);
  let deaths = 0;
  await round.until(
    "the poisonous run has ended",
    async () => {
      const run = (await round.facts()).runs.find(({ id }) => id === runId);
      if (run === undefined || isTerminalRun(run.state)) return run !== undefined;
      const acts = (await round.effects()).some((effect) => effect.runId === runId && effect.attempt === run.attempt);
      const supervisor = supervisorsOf(round).find((one) => one.runId === runId && one.attempt === run.attempt);
      if (!acts || supervisor === undefined) return false;
      const host = stage.hosts.find(({ name }) => name === supervisor.host);
      if (killsRunner) await host?.runner.stop("SIGKILL");
      sendSignal(supervisor.pid, "SIGKILL");
      deaths += 1;
      round.note(`death ${deaths} on ${supervisor.host}`);
      if (killsRunner) await host?.restart();
      if (deaths === stopAfter) await stage.fleet.client.sessions.stop(sessionId, { signal: round.signal });
      return false;
    },
    120_000,
  );
}

function poisonOf(round: Round, facts: Facts) {
  return facts.runs.find(({ id }) => id === poisonous.get(round));
}

/** It is given up after a few deaths, and nothing else suffers from it. */
function judgePoison(round: Round, facts: Facts): string[] {
  const run = poisonOf(round, facts);
  const others = facts.runs.filter(({ id, outcome }) => id !== run?.id && outcome !== "completed");
  return [
    ...(run?.outcome === "poison" ? [] : [`the poisonous run ended as ${run?.outcome}`]),
    ...(run?.deliveries === DELIVERIES ? [] : [`the poisonous run was started ${run?.deliveries} times`]),
    ...others.map(({ id, outcome }) => `${id}, which is not poisonous, ended as ${outcome}`),
  ];
}
