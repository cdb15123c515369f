/** F4: stops that meet agents which are well, deaf, cut off or dead, and fifty stops at once. */
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round } from "../fault.ts";
import { SCALED, SCALED_SUPERVISOR } from "../scaled-limits.ts";
import { chooseBusy, killHost } from "./hit.ts";

/** Beyond what is promised: reporting, and two busy processors. */
const SLACK_MS = 6_000;
const GRACES_MS = SCALED_SUPERVISOR.stopInterruptGraceMs + SCALED_SUPERVISOR.stopTermGraceMs;
/** A stop that nobody can answer is finished by the server, at the latest when the lease is over. */
const UNANSWERED_MS = Math.max(SCALED.stopUnansweredMs, SCALED.leaseTtlMs) + 2 * SCALED.expirySweepMs;

export const stops: Fault = {
  id: "F4",
  title: "stops of what is well, deaf, cut off, dead",
  variants: [
    { name: "well", inject: async (round) => await stopAll(round), judge: judgeStops(GRACES_MS) },
    {
      name: "ignores signals",
      inject: async (round) => {
        const deaf = { steps: [{ ignore_signals: true }, ...ledgerSteps(round, "deaf"), { hang: true }] };
        const parent = {
          steps: [
            { start: { name: "deaf", prompt: deaf } },
            { ignore_signals: true },
            ...ledgerSteps(round, "parent"),
            { hang: true },
          ],
        };
        await round.workload.create(parent);
        await round.until("the deaf work", async () => {
          const agents = new Set((await round.effects()).map(({ agent }) => agent));
          return agents.has("deaf") && agents.has("parent");
        });
        await stopAll(round);
      },
      judge: judgeStops(GRACES_MS),
    },
    {
      name: "cut off",
      inject: async (round) => {
        const host = await chooseBusy(round);
        host.proxy.partition("both");
        await stopAll(round);
        await round.sleep(UNANSWERED_MS + SLACK_MS);
        host.proxy.partition("none");
      },
      judge: judgeStops(UNANSWERED_MS),
    },
    {
      name: "dead",
      inject: async (round) => {
        await killHost(round, await chooseBusy(round));
        await stopAll(round);
      },
      judge: judgeStops(UNANSWERED_MS),
    },
    {
      name: "fifty at once",
      inject: async (round) => await stopAll(round, 50),
      judge: (round, facts) => [...judgeStops(GRACES_MS)(round, facts), ...judgeDirectives(facts)],
    },
  ],
};

/** Stops every tree that was there from the start, each `times` times at once. */
async function stopAll(round: Round, times = 1): Promise<void> {
  await round.working(3);
  await round.sleep(round.random.int(0, 2_000));
  const { acknowledged } = round.workload;
  const roots = acknowledged.runs.map(({ sessionId }) => sessionId);
  for (const sessionId of roots) acknowledged.stopped.add(sessionId);
  const { client } = round.stage.fleet;
  await Promise.all(
    roots.flatMap((sessionId) =>
      Array.from({ length: times }, () => client.sessions.stop(sessionId, { signal: round.signal })),
    ),
  );
}

function ledgerSteps({ workload }: Round, name: string): object[] {
  return [{ append: { file: workload.ledger, line: `\${run} \${attempt} 1 \${time} ${name}` } }];
}

/** Every run that was asked to stop has ended in time, and its whole tree with it. */
function judgeStops(withinMs: number) {
  return (round: Round, facts: Facts): string[] => {
    const { stopped } = round.workload.acknowledged;
    const trees = new Set(facts.sessions.filter(({ id }) => stopped.has(id)).map(({ rootSessionId }) => rootSessionId));
    const members = new Set(facts.sessions.filter((one) => trees.has(one.rootSessionId)).map(({ id }) => id));
    const asked = facts.runs.filter((run) => run.stopRequestedAtMs !== null);
    const late = asked.filter(
      (run) => (run.finishedAtMs ?? Infinity) - (run.stopRequestedAtMs ?? 0) > withinMs + SLACK_MS,
    );
    return [
      ...(asked.length === 0 ? ["no run was at work when it was stopped: the round proves nothing"] : []),
      ...late.map(
        (run) =>
          `${run.id} ended ${Math.round((run.finishedAtMs ?? Infinity) - (run.stopRequestedAtMs ?? 0))} ms after it was asked to stop`,
      ),
      ...facts.runs
        .filter((run) => members.has(run.sessionId) && !isTerminalRun(run.state))
        .map((run) => `${run.id} of a stopped tree is ${run.state}`),
    ];
  };
}

/** However often a stop is asked for, the supervisor is told once. */
function judgeDirectives(facts: Facts): string[] {
  const told = Map.groupBy(
    facts.directives.filter(({ kind }) => kind === "stop"),
    ({ runId, attempt }) => `${runId} attempt ${attempt}`,
  );
  return [...told]
    .filter(([, directives]) => directives.length > 1)
    .map(([who, directives]) => `${who} has ${directives.length} directives to stop`);
}
