import type { Effect } from "../workload/ledger.ts";
import type { Finding } from "./finding.ts";
import type { Facts } from "./load-facts.ts";

export interface OverlapScope {
  /** The agents' clocks and the database's are the same one. */
  readonly clocksAgree: boolean;
  /** Attempts that this fault cut off together with everybody who could have stopped them. */
  readonly frozenAttempts: ReadonlySet<string>;
}

/**
 * I5: no effect of attempt k after the claim of k+1. Two witnesses: the time that stands in the line against the time of the claim, and,
 * where the clocks cannot be compared, the order of the lines in the one file that everybody appends to.
 */
export function findOverlaps(facts: Facts, effects: readonly Effect[], scope: OverlapScope): Finding[] {
  const findings: Finding[] = [];
  for (const attempt of facts.attempts) {
    const next = facts.attempts.find(
      ({ runId, attempt: number }) => runId === attempt.runId && number === attempt.attempt + 1,
    );
    if (next === undefined) continue;
    const own = effects.filter((effect) => effect.runId === attempt.runId && effect.attempt === attempt.attempt);
    const firstLater = effects.find((effect) => effect.runId === attempt.runId && effect.attempt > attempt.attempt);
    const late = own.filter(
      (effect) =>
        (firstLater !== undefined && effect.position > firstLater.position) ||
        (scope.clocksAgree && effect.atMs > next.claimedAtMs),
    );
    if (late.length === 0) continue;
    const byMs = Math.max(...late.map((effect) => effect.atMs)) - next.claimedAtMs;
    findings.push({
      kind: scope.frozenAttempts.has(`${attempt.runId}-${attempt.attempt}`) ? "frozen_overlap" : "overlap",
      text: `${late.length} effects of ${attempt.runId} attempt ${attempt.attempt} after the claim of ${next.attempt}, the last ${Math.round(byMs)} ms after it`,
    });
  }
  return findings;
}
