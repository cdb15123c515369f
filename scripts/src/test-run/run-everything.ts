import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatStep, runSteps } from "../check/step.ts";
import { STATIC_STEPS } from "../check/steps.ts";
import { listUntrackedFiles, ROOT } from "../repository.ts";
import type { TestRequest } from "./arguments.ts";
import { parseArguments } from "./arguments.ts";
import { ensureDebianPackages } from "./debian-packages.ts";
import type { RunMarks } from "./leftovers.ts";
import { endLeftovers, MARKER_VARIABLE } from "./leftovers.ts";
import type { TestReport } from "./report.ts";
import { runVitest } from "./run-vitest.ts";
import type { Verdict } from "./tally.ts";
import { findSilentProjects, formatTally, listRetried, listSkipped, tallyResults } from "./tally.ts";

const COMPILE_CACHE = join(ROOT, "node_modules/.cache/node-compile");

/** Processes get this long to end after the last test. */
const LEFTOVER_GRACE_MS = 3_000;

/**
 * What CI runs: the checks, all tests, then a look at what they left behind. The last line it prints is the count.
 * Returns the exit code.
 */
export async function runEverything(args: readonly string[], signal: AbortSignal): Promise<number> {
  let request: TestRequest;
  try {
    request = parseArguments(args);
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  ensureDebianPackages();
  const untrackedBefore = new Set(listUntrackedFiles());
  const base = realpathSync(mkdtempSync(join(tmpdir(), "plx-")));
  try {
    const verdicts: Verdict[] = request.everything ? await runChecks() : [];
    const marks = { marker: randomBytes(12).toString("hex"), folder: makeTestFolder(base) };
    const env = {
      ...process.env,
      [MARKER_VARIABLE]: marks.marker,
      TMPDIR: marks.folder,
      // tools that cache their compiled code would leave it in the temporary folder
      NODE_COMPILE_CACHE: COMPILE_CACHE,
    };
    const report = await runVitest(request, env, join(base, "report.json"), signal);

    verdicts.push(await judgeLeftovers(marks), judgeFolder(marks.folder), judgeWorkTree(untrackedBefore));
    verdicts.push(judgeProjects(request, report));

    for (const line of [...listSkipped(report), ...listRetried(report)]) console.log(line);
    for (const error of report.errors) console.log(`error: ${error}`);
    for (const { name, output } of verdicts.filter((verdict) => !verdict.ok)) console.log(`failed: ${name}\n${output}`);
    const tally = tallyResults(verdicts, report);
    if (signal.aborted) console.log(String(signal.reason));
    console.log(formatTally(tally));
    return tally.failed === 0 && !signal.aborted ? 0 : 1;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

async function runChecks(): Promise<Verdict[]> {
  const finished = await runSteps(STATIC_STEPS, 2, (step) => console.log(formatStep(step)));
  return finished.map(({ name, ok }) => ({ name, ok, output: ok ? "" : "(see above)" }));
}

/** Open to other users, because a database that is started by root runs as a user of its own. */
function makeTestFolder(base: string): string {
  const folder = join(base, "t");
  mkdirSync(folder);
  chmodSync(base, 0o755);
  chmodSync(folder, 0o1777);
  return folder;
}

async function judgeLeftovers(marks: RunMarks): Promise<Verdict> {
  const left = await endLeftovers(marks, LEFTOVER_GRACE_MS);
  return {
    name: "no process is left",
    ok: left.length === 0,
    output: left.map((process) => `  killed ${process.pid}: ${process.command}`).join("\n"),
  };
}

function judgeFolder(folder: string): Verdict {
  const left = readdirSync(folder);
  return {
    name: "no temporary file is left",
    ok: left.length === 0,
    output: left.map((file) => `  ${file}`).join("\n"),
  };
}

function judgeWorkTree(before: ReadonlySet<string>): Verdict {
  const added = listUntrackedFiles().filter((file) => !before.has(file));
  return {
    name: "no new file in the work tree",
    ok: added.length === 0,
    output: added.map((file) => `  ${file}`).join("\n"),
  };
}

/** A filter may leave a project empty, but not all of them. */
function judgeProjects(request: TestRequest, report: TestReport): Verdict {
  const silent = findSilentProjects(request.projects, report);
  return {
    name: "tests ran",
    ok: request.filters.length === 0 ? silent.length === 0 : silent.length < request.projects.length,
    output: silent.map((project) => `  no test of project ${project} ran`).join("\n"),
  };
}
