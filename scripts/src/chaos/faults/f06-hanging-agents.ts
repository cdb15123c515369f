/** F6: agents that do not end: after their result, in the middle, or waiting for input that nobody will give. */
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Variant } from "../fault.ts";
import { SCALED_SUPERVISOR } from "../scaled-limits.ts";

const IDLE_SECONDS = 3;
/** Starting, ending and reporting, on two busy processors. */
const SLACK_MS = 10_000;

export const hangingAgents: Fault = {
  id: "F6",
  title: "agents that hang",
  variants: [
    hangs({
      name: "after the result",
      last: { hang_after_result: true },
      idleTimeout: false,
      outcome: "completed",
      withinMs: SCALED_SUPERVISOR.resultGraceMs,
    }),
    hangs({
      name: "silent for ever",
      last: { hang: true },
      idleTimeout: true,
      outcome: "idle_timeout",
      withinMs: IDLE_SECONDS * 1000,
    }),
    hangs({
      name: "waits for input",
      last: { wait_for_steer: true },
      idleTimeout: true,
      outcome: "idle_timeout",
      withinMs: IDLE_SECONDS * 1000,
    }),
  ],
};

interface Hang {
  readonly name: string;
  readonly last: object;
  readonly idleTimeout: boolean;
  readonly outcome: string;
  readonly withinMs: number;
}

function hangs({ name, last, idleTimeout, outcome, withinMs }: Hang): Variant {
  const hanging: string[] = [];
  return {
    name,
    inject: async (round) => {
      hanging.length = 0;
      const resources = idleTimeout ? { resources: { idle_timeout_seconds: IDLE_SECONDS } } : {};
      for (let index = 0; index < 3; index += 1) {
        const { runId } = await round.workload.create({ steps: [{ say: "before" }, last] }, resources);
        hanging.push(runId);
      }
      await round.workload.asked;
    },
    judge: (_round, facts) => hanging.flatMap((runId) => judgeEnd(facts, runId, outcome, withinMs)),
  };
}

function judgeEnd(facts: Facts, runId: string, outcome: string, withinMs: number): string[] {
  const run = facts.runs.find(({ id }) => id === runId);
  if (run === undefined) return [`${runId} is gone`];
  if (run.outcome !== outcome) return [`${runId} ended as ${run.outcome} instead of ${outcome}`];
  const startedAtMs = facts.attempts.find((attempt) => attempt.runId === runId)?.startedAtMs ?? run.createdAtMs;
  const lastedMs = (run.finishedAtMs ?? Infinity) - startedAtMs;
  // an idle agent is asked to end in stages, each with its grace
  const { stopInterruptGraceMs, stopTermGraceMs } = SCALED_SUPERVISOR;
  const promisedMs = withinMs + stopInterruptGraceMs + stopTermGraceMs;
  return lastedMs > promisedMs + SLACK_MS ? [`${runId} hung for ${Math.round(lastedMs)} ms`] : [];
}
