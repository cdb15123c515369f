import type { RunnerRecord, StoredDemands } from "../store/records.ts";

type Candidate = Pick<
  RunnerRecord,
  "hostname" | "projectDir" | "executorProfile" | "executor" | "executors" | "runtimes" | "tags" | "requireMatchingTags"
>;

/** Whether a runner may take runs with these demands: single values match exactly, demanded tags must all be there. */
export function matchesRunner(demands: StoredDemands, runner: Candidate): boolean {
  if (demands.runtime !== undefined && !runner.runtimes.includes(demands.runtime as never)) return false;
  if (demands.executor !== undefined && !servesExecutor(runner, demands.executor)) return false;
  if (demands.executor_type !== undefined && !servesExecutor(runner, demands.executor_type)) return false;
  if (demands.hostname !== undefined && demands.hostname !== runner.hostname) return false;
  if (demands.project_dir !== undefined && demands.project_dir !== runner.projectDir) return false;
  if (demands.executor_profile !== undefined && demands.executor_profile !== runner.executorProfile) return false;
  const tags = demands.tags ?? [];
  if (!tags.every((tag) => runner.tags.includes(tag))) return false;
  return !runner.requireMatchingTags || tags.some((tag) => runner.tags.includes(tag));
}

/** A simple HTTP runner that names no executor takes any. */
function servesExecutor(runner: Candidate, executor: string): boolean {
  const named = Object.keys(runner.executors);
  if (named.includes(executor) || runner.executorProfile === executor) return true;
  return named.length === 0 && runner.executorProfile === null;
}
