import type { AnsweredCall } from "../proxy/history.ts";
import type { Finding } from "./finding.ts";
import type { Facts } from "./load-facts.ts";

/** I2: exactly one accepted end per run, in the rows and in what supervisors were told. */
export function findDoubledEnds(facts: Facts, calls: readonly AnsweredCall[]): Finding[] {
  const findings: Finding[] = [];
  for (const run of facts.runs) {
    const ends = facts.attempts.filter(
      ({ runId, endReason }) => runId === run.id && ["completed", "failed", "stopped"].includes(endReason ?? ""),
    );
    if (ends.length > 1) findings.push(doubled(`${run.id} ended in the attempts ${ends.map((end) => end.attempt)}`));
    const told = calls.filter(({ kind, runId, status }) => kind === "completed" && runId === run.id && status === 200);
    const reports = new Set(told.map(({ attempt, bodyHash }) => `${attempt} ${bodyHash}`));
    if (reports.size > 1)
      findings.push(doubled(`${run.id}: ${reports.size} different reports of its end were accepted`));
    const stranger = told.find(({ attempt }) => attempt !== run.attempt);
    if (stranger !== undefined)
      findings.push(
        doubled(`${run.id}: attempt ${stranger.attempt} was told that its end counts, ${run.attempt} is the newest`),
      );
  }
  return findings;
}

const doubled = (text: string): Finding => ({ kind: "doubled", text });

/** Terminal states seen while the round went on: an end never changes. */
export interface SeenEnd {
  readonly runId: string;
  readonly state: string;
  readonly outcome: string | null;
}

export function findChangedEnds(facts: Facts, seen: readonly SeenEnd[]): Finding[] {
  return seen.flatMap(({ runId, state, outcome }) => {
    const run = facts.runs.find(({ id }) => id === runId);
    if (run !== undefined && run.state === state && run.outcome === outcome) return [];
    const now = run === undefined ? "gone" : `${run.state} (${run.outcome})`;
    return [doubled(`${runId} had ended as ${state} (${outcome}) and is now ${now}`)];
  });
}
