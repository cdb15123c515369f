import type { Project } from "./arguments.ts";
import { RETRIED, type TestReport } from "./report.ts";

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Something that is no test but decides like one: a check, leftovers, the state of the work tree. */
export interface Verdict {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
}

/** Tests and verdicts count alike; an error outside of any test is one more failure. */
export function tallyResults(verdicts: readonly Verdict[], report: TestReport): Tally {
  const count = (state: "passed" | "failed" | "skipped"): number =>
    report.tests.filter((test) => test.state === state).length;
  return {
    passed: count("passed") + verdicts.filter((verdict) => verdict.ok).length,
    failed: count("failed") + verdicts.filter((verdict) => !verdict.ok).length + report.errors.length,
    skipped: count("skipped"),
  };
}

/** Projects in which no test ran: a pattern that matches nothing must not look like success. */
export function findSilentProjects(projects: readonly Project[], report: TestReport): Project[] {
  return projects.filter(
    (project) => !report.tests.some((test) => test.project === project && test.state !== "skipped"),
  );
}

/** Why each skipped test was skipped, one line each. */
export function listSkipped(report: TestReport): string[] {
  return report.tests
    .filter((test) => test.state === "skipped")
    .map((test) => `skipped: ${test.file}: ${test.name}: ${test.note ?? "no reason given; use context.skip(reason)"}`);
}

export function listRetried(report: TestReport): string[] {
  return report.tests
    .filter((test) => test.state === "passed" && test.note === RETRIED)
    .map((test) => `unsteady: ${test.file}: ${test.name}: ${RETRIED}`);
}

export function formatTally(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;
}
