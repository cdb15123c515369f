import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ROOT } from "../repository.ts";
import type { TestRequest } from "./arguments.ts";
import type { TestReport } from "./report.ts";
import { REPORT_VARIABLE, reportSchema } from "./report.ts";

const REPORTER = fileURLToPath(new URL("./vitest-reporter.ts", import.meta.url));

/**
 * Where nobody watches, a test of real processes on a busy machine is tried once more, and the report names it. A promise that is broken fails
 * twice; at a desk the first failure counts.
 */
function retriesOf(env: NodeJS.ProcessEnv): string[] {
  return env["CI"] === undefined ? [] : ["--retry=1"];
}

/** Runs the tests with their output on this terminal. A run that leaves no report is a failure, whatever its exit says. */
export async function runVitest(
  request: TestRequest,
  env: NodeJS.ProcessEnv,
  reportPath: string,
  signal: AbortSignal,
): Promise<TestReport> {
  const args = [
    "run",
    "--passWithNoTests",
    "--reporter=default",
    `--reporter=${REPORTER}`,
    ...retriesOf(env),
    ...request.projects.map((project) => `--project=${project}`),
    ...request.filters,
  ];
  const child = spawn(`${ROOT}/node_modules/.bin/vitest`, args, {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...env, [REPORT_VARIABLE]: reportPath },
    signal,
  });
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const [exitCode, killedBy] = await ended.catch((error: unknown) => [null, String(error)] as const);

  if (!existsSync(reportPath)) {
    return { tests: [], errors: [`vitest left no report (exit ${exitCode ?? killedBy})`] };
  }
  const report = reportSchema.parse(JSON.parse(readFileSync(reportPath, "utf8")));
  const explained = exitCode === 0 || report.errors.length > 0 || report.tests.some((test) => test.state === "failed");
  return explained ? report : { ...report, errors: [`vitest ended with ${exitCode ?? killedBy}`] };
}
