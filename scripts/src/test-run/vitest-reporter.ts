import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import type { TestReport } from "./report.ts";
import { REPORT_VARIABLE, RETRIED } from "./report.ts";

/** Vitest's own JSON report keeps neither the project nor the reason of a skipped test. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const path = process.env[REPORT_VARIABLE];
    if (path === undefined) return;
    const report: TestReport = {
      tests: modules.flatMap((module) => [...module.children.allTests()].map(describeTest)),
      errors: [
        ...modules.flatMap((module) => module.errors().map((error) => `${module.relativeModuleId}: ${error.message}`)),
        ...modules.flatMap((module) =>
          [...module.children.allSuites()].flatMap((suite) =>
            suite.errors().map((error) => `${module.relativeModuleId}: ${suite.fullName}: ${error.message}`),
          ),
        ),
        ...unhandledErrors.map((error) => `unhandled: ${error.message}`),
      ],
    };
    writeFileSync(path, JSON.stringify(report));
  }
}

function describeTest(test: TestCase): TestReport["tests"][number] {
  const result = test.result();
  const retried = result.state === "passed" && (test.diagnostic()?.retryCount ?? 0) > 0;
  const note = result.state === "skipped" ? result.note : retried ? RETRIED : undefined;
  return {
    project: test.project.name,
    file: test.module.relativeModuleId,
    name: test.fullName,
    // A test that never got a result was cut off with its worker.
    state: result.state === "pending" ? "failed" : result.state,
    ...(note === undefined ? {} : { note }),
  };
}
