import { dirname, join } from "node:path";
import { isObject } from "../http/classify-answer.ts";
import { hasProc, listProcesses, readCommandLine } from "../supervisor/process-tree/read-processes.ts";
import { type AttemptFiles, attemptFiles } from "./attempt-files.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import { readJsonFile } from "./durable-file.ts";

export interface HostAttempt {
  readonly spec: AttemptSpec;
  readonly files: AttemptFiles;
}

const SUPERVISOR = join("supervisor", "main.ts");

/**
 * The attempts of all living supervisors on this host whose directories this user may read, whoever started them: a supervisor's
 * command line names its directory, so no register has to be kept that could be wrong. Linux only; elsewhere none are found.
 */
export async function findHostAttempts(): Promise<HostAttempt[]> {
  if (!hasProc) return [];
  const dirs = new Set(listProcesses().flatMap(({ pid }) => readAttemptDir(readCommandLine(pid)) ?? []));
  const found = await Promise.all([...dirs].map(readAttempt));
  return found.filter((one) => one !== null);
}

function readAttemptDir(commandLine: string): string | null {
  const words = commandLine.split("\0");
  const program = words.findIndex((word) => word.endsWith(SUPERVISOR));
  const dir = program === -1 ? undefined : words[program + 1];
  return dir?.startsWith("/") && dirname(dir).endsWith("/attempts") ? dir : null;
}

async function readAttempt(dir: string): Promise<HostAttempt | null> {
  const files = attemptFiles(dir);
  const spec = await readJsonFile(files.spec);
  return isObject(spec) && spec["version"] === 1 ? { spec: spec as unknown as AttemptSpec, files } : null;
}
