import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { holdLock, releaseLock } from "../alive-lock/hold-lock.ts";
import type { RunnerDeps } from "../deps.ts";
import { isObject } from "../http/classify-answer.ts";
import { attemptFiles } from "./attempt-files.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import { buryUnderLock } from "./bury-attempt.ts";
import { controlAddress } from "./control-link.ts";
import { readJsonFile } from "./durable-file.ts";
import { type LiveAttempt, newLiveAttempt } from "./live-attempts.ts";
import { startAttempt } from "./start-attempt.ts";
import { watchAttempt } from "./watch-attempt.ts";

/**
 * Takes over what an earlier process of this runner left: living supervisors are watched on, what was written down but never
 * started is started, dead ones are cleaned up. Puts all of them into the table at once; `follow` then works on them.
 */
export async function adoptAttempts(deps: RunnerDeps): Promise<{ readonly count: number; follow(): Promise<void>[] }> {
  const adopted: LiveAttempt[] = [];
  const root = join(deps.config.stateDir, "attempts");
  for (const name of await readdir(root)) {
    const files = attemptFiles(join(root, name));
    if (!existsSync(files.spec)) {
      // The spec is renamed into place before `started`: without one nothing was ever started.
      await rm(files.dir, { recursive: true, force: true });
      continue;
    }
    const spec = await readJsonFile(files.spec);
    if (!isObject(spec) || spec["version"] !== 1) {
      deps.log.error({ dir: files.dir }, "An attempt of another version of this program is left alone");
      continue;
    }
    const attempt = newLiveAttempt(spec as unknown as AttemptSpec, files);
    deps.attempts.add(attempt);
    adopted.push(attempt);
  }
  return { count: adopted.length, follow: () => adopted.map((attempt) => followAdopted(deps, attempt)) };
}

async function followAdopted(deps: RunnerDeps, attempt: LiveAttempt): Promise<void> {
  const { run_id: runId, attempt: number } = attempt.spec.run;
  const lock = await holdLock(controlAddress(attempt.spec, attempt.files));
  if (lock === null) {
    deps.log.info({ runId, attempt: number }, "Adopted run");
    attempt.preparing = true;
    return watchAttempt(deps, attempt, null);
  }
  if ((await readJsonFile(attempt.files.incarnation)) !== null) {
    return buryUnderLock(deps, attempt, lock, "the supervisor died while no runner watched it");
  }
  // No supervisor has said hello, so no agent was started; one that is just coming up finds the lock taken and leaves, or gets it first.
  await releaseLock(lock);
  return startAttempt(deps, attempt);
}
