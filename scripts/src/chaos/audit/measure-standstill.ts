import type { Effect } from "../workload/ledger.ts";
import type { Facts } from "./load-facts.ts";

/**
 * How long a fault kept work from going on: the longest time between two signs of life of one run (first claimed, an effect, ended), of which
 * some part lies after the fault began. A run that waits for its turn in a session is not kept by the fault.
 */
export function measureStandstillMs(facts: Facts, effects: readonly Effect[], faultBeganMs: number): number {
  let longestMs = 0;
  const byRun = Map.groupBy(effects, (effect) => effect.runId);
  for (const run of facts.runs) {
    const moments = (byRun.get(run.id) ?? []).map((effect) => effect.atMs);
    const first = facts.attempts.find(({ runId, attempt }) => runId === run.id && attempt === 1);
    if (first !== undefined) moments.push(first.claimedAtMs);
    if (run.finishedAtMs !== null) moments.push(run.finishedAtMs);
    moments.sort((one, other) => one - other);
    for (const [index, moment] of moments.entries()) {
      const before = moments[index - 1];
      if (before !== undefined && moment > faultBeganMs) longestMs = Math.max(longestMs, moment - before);
    }
  }
  return longestMs;
}
