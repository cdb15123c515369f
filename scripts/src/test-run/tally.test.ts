import { expect, it } from "vitest";
import { RETRIED, type TestReport } from "./report.ts";
import { findSilentProjects, formatTally, listRetried, listSkipped, tallyResults } from "./tally.ts";

const REPORT: TestReport = {
  tests: [
    { project: "unit", file: "a.test.ts", name: "one", state: "passed" },
    { project: "unit", file: "a.test.ts", name: "two", state: "failed" },
    { project: "integration", file: "b.int.test.ts", name: "three", state: "skipped", note: "no docker" },
    { project: "integration", file: "b.int.test.ts", name: "four", state: "skipped" },
  ],
  errors: ["c.test.ts: cannot be loaded"],
};

it("counts tests of all projects, checks, and errors outside of tests", () => {
  const verdicts = [
    { name: "types", ok: true, output: "" },
    { name: "docs", ok: false, output: "" },
  ];
  expect(formatTally(tallyResults(verdicts, REPORT))).toBe("2 passed, 3 failed, 2 skipped");
});

it("says why a test was skipped, or that nobody said why", () => {
  expect(listSkipped(REPORT)).toEqual([
    "skipped: b.int.test.ts: three: no docker",
    "skipped: b.int.test.ts: four: no reason given; use context.skip(reason)",
  ]);
});

it("names a test that passed only when it was tried again, and counts it as passed", () => {
  const tests = [{ project: "unit", file: "a.test.ts", name: "one", state: "passed" as const, note: RETRIED }];
  expect(listRetried({ tests, errors: [] })).toEqual(["unsteady: a.test.ts: one: passed when it was tried again"]);
  expect(formatTally(tallyResults([], { tests, errors: [] }))).toBe("1 passed, 0 failed, 0 skipped");
});

it("names the projects in which no test ran, skipped tests aside", () => {
  expect(findSilentProjects(["unit", "integration", "e2e"], REPORT)).toEqual(["integration", "e2e"]);
});
