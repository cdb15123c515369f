/** F2: processes that are stopped for longer than a lease, and then go on as if nothing had happened. */
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round, Setting } from "../fault.ts";
import { SCALED } from "../scaled-limits.ts";
import type { FleetProcess } from "../stage/list-processes.ts";
import { chooseBusy, keyOf, lostAttempts, signalAll, supervisorsOf, treesOf } from "./hit.ts";

const STOPPED_MS = SCALED.leaseTtlMs + 6_000;
/** What a machine that wakes up may still do with an attempt that is not its own any more. */
const EFFECTS_AFTER_WAKE_MS_MAX = 5_000;

/** Turns that outlive the time in which they are stopped. */
const LONG_TURNS: Setting = {
  workload: { linesMin: 90, linesMax: 120, lateTrees: 0, trees: 2, childrenMax: 1, messages: 1 },
};

export const frozenProcesses: Fault = {
  id: "F2",
  title: "SIGSTOP for longer than the lease",
  variants: [
    {
      name: "supervisors",
      setting: LONG_TURNS,
      // the runner ends what hangs, with its tree, before anybody else may start the work: no overlap is forgiven here
      inject: async (round) => {
        const host = await chooseBusy(round);
        await stopFor(round, round.random.shuffled(supervisorsOf(round, host)).slice(0, 2));
      },
    },
    {
      name: "runner",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await stopFor(round, [{ pid: host.runner.pid }]);
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "runner and supervisors, agents go on",
      setting: LONG_TURNS,
      inject: async (round) => {
        const host = await chooseBusy(round);
        const supervisors = supervisorsOf(round, host);
        freezeMachine(round, supervisors);
        await stopFor(round, [{ pid: host.runner.pid }, ...supervisors]);
        wokenAt.set(round, Date.now());
      },
      judge: judgeWaking,
    },
    {
      name: "the whole machine",
      setting: LONG_TURNS,
      inject: async (round) => {
        const host = await chooseBusy(round);
        const supervisors = supervisorsOf(round, host);
        freezeMachine(round, supervisors);
        await stopFor(round, [{ pid: host.runner.pid }, ...supervisors, ...treesOf(round, supervisors)]);
        wokenAt.set(round, Date.now());
      },
      judge: judgeWaking,
    },
    {
      name: "agents alone",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await stopFor(round, treesOf(round, supervisorsOf(round, host)));
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};

const wokenAt = new WeakMap<Round, number>();

function freezeMachine(round: Round, supervisors: readonly FleetProcess[]): void {
  for (const supervisor of supervisors) round.frozenAttempts.add(keyOf(supervisor));
}

async function stopFor(round: Round, processes: readonly Pick<FleetProcess, "pid">[]): Promise<void> {
  round.note(`stopping ${processes.length} processes for ${STOPPED_MS} ms`);
  signalAll(processes, "SIGSTOP");
  await round.sleep(STOPPED_MS);
  signalAll(round.random.shuffled(processes), "SIGCONT");
}

async function judgeWaking(round: Round, facts: Facts): Promise<string[]> {
  const effects = await round.effects();
  const woken = wokenAt.get(round) ?? 0;
  return facts.attempts
    .filter((attempt) => round.frozenAttempts.has(keyOf(attempt)))
    .filter(({ runId, attempt }) => facts.runs.some((run) => run.id === runId && run.attempt > attempt))
    .flatMap(({ runId, attempt }) => {
      const last = Math.max(
        0,
        ...effects.filter((one) => one.runId === runId && one.attempt === attempt).map(({ atMs }) => atMs),
      );
      if (last <= woken + EFFECTS_AFTER_WAKE_MS_MAX) return [];
      return [`${runId} attempt ${attempt} still worked ${last - woken} ms after its machine woke up`];
    });
}
