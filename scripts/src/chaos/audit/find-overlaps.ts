import type { AnsweredCall } from "../proxy/history.ts";
import type { Effect } from "../workload/ledger.ts";
import type { Finding } from "./finding.ts";
import type { AttemptFacts, Facts } from "./load-facts.ts";

export interface OverlapScope {
  /** The agents' clocks and the database's are the same one. */
  readonly clocksAgree: boolean;
  /** Attempts (run-attempt) that were cut off together with everybody who could have stopped them. */
  readonly frozenAttempts: ReadonlySet<string>;
}

/**
 * I5, for the whole session: no effect of an attempt after anything newer of its session was claimed, be it the run's next attempt or
 * another run. Two witnesses: the time that stands in the line against the time of the claim, and, where the clocks cannot be compared,
 * the order of the lines in the one file that everybody appends to.
 */
export function findOverlaps(facts: Facts, effects: readonly Effect[], scope: OverlapScope): Finding[] {
  const sessionOf = new Map(facts.runs.map((run) => [run.id, run.sessionId]));
  const bySession = Map.groupBy(facts.attempts, ({ runId }) => sessionOf.get(runId) ?? "");
  const byAttempt = Map.groupBy(effects, keyOf);
  const findings: Finding[] = [];
  for (const attempts of bySession.values()) {
    const claims = attempts.toSorted((one, other) => one.claimedAtMs - other.claimedAtMs);
    for (const [index, attempt] of claims.entries()) {
      const [next, ...later] = claims.slice(index + 1);
      const own = byAttempt.get(keyOf(attempt)) ?? [];
      if (next === undefined || own.length === 0) continue;
      const firstLater = [next, ...later]
        .flatMap((claim) => byAttempt.get(keyOf(claim)) ?? [])
        .map(({ position }) => position);
      const bound = Math.min(Infinity, ...firstLater);
      const late = own.filter(
        (effect) => effect.position > bound || (scope.clocksAgree && effect.atMs > next.claimedAtMs),
      );
      if (late.length > 0) findings.push(describe(attempt, next, late, scope));
    }
  }
  return findings;
}

const keyOf = ({ runId, attempt }: Pick<Effect, "runId" | "attempt">): string => `${runId}-${attempt}`;

function describe(attempt: AttemptFacts, next: AttemptFacts, late: readonly Effect[], scope: OverlapScope): Finding {
  const byMs = Math.max(...late.map((effect) => effect.atMs)) - next.claimedAtMs;
  return {
    kind: scope.frozenAttempts.has(keyOf(attempt)) ? "frozen_overlap" : "overlap",
    text: `${late.length} effects of ${keyOf(attempt)} after the claim of ${keyOf(next)}, the last ${Math.round(byMs)} ms after it`,
  };
}

/** An end is reported only when the tree is gone: nothing is done after an end that a supervisor reported. */
export function findEffectsAfterEnds(
  facts: Facts,
  effects: readonly Effect[],
  calls: readonly AnsweredCall[],
  scope: OverlapScope,
): Finding[] {
  if (!scope.clocksAgree) return [];
  const reported = new Set(
    calls.filter(({ kind, status }) => kind === "completed" && status === 200).map(({ runId }) => runId),
  );
  return facts.runs.flatMap((run) => {
    if (run.finishedAtMs === null || !reported.has(run.id)) return [];
    const endedAtMs = run.finishedAtMs;
    const late = effects.filter(
      (effect) => effect.runId === run.id && effect.attempt === run.attempt && effect.atMs > endedAtMs + 1,
    );
    if (late.length === 0) return [];
    return [
      { kind: "overlap" as const, text: `${late.length} effects of ${run.id} after its end was reported and accepted` },
    ];
  });
}
