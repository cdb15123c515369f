import { readFileSync } from "node:fs";
import type { LiveAttempt } from "../attempts/live-attempts.ts";
import type { RunnerDeps } from "../deps.ts";
import { pause } from "../http/backoff.ts";
import { SilenceJudge } from "./judge-silence.ts";

const LOOK_EVERY_MS = 1_000;

/**
 * The other half of the self-fence: a supervisor freezes its tree when it is cut off, but one that hangs (stopped, swapped out) does
 * not, and its agent would go on while somebody else starts the work. Its runner notices the silence and ends it, and thereby the tree.
 */
export async function guardSupervisors(deps: RunnerDeps, signal: AbortSignal): Promise<void> {
  const judge = new SilenceJudge<LiveAttempt>(deps.clock.monotonic());
  while (!signal.aborted) {
    await pause(LOOK_EVERY_MS, signal);
    for (const hanging of judge.look(deps.attempts.list(), deps.clock.monotonic())) endHanging(deps, hanging);
  }
}

function endHanging(deps: RunnerDeps, { spec, files, heard }: LiveAttempt): void {
  const pid = heard?.status.pid ?? readPid(files.incarnation);
  // Without a hello no agent was started, and nothing has to be ended.
  if (pid === null) return;
  deps.log.error(
    { component: "supervisor", runId: spec.run.run_id, pid },
    "A supervisor hangs and is ended with its tree",
  );
  try {
    // The connection is open, so whoever wrote this number still has it.
    process.kill(pid, "SIGKILL");
  } catch (error) {
    deps.log.error({ component: "supervisor", err: error, pid }, "A hanging supervisor could not be ended");
  }
}

function readPid(path: string): number | null {
  try {
    const { pid } = JSON.parse(readFileSync(path, "utf8")) as { pid?: unknown };
    return typeof pid === "number" && pid > 1 ? pid : null;
  } catch {
    return null;
  }
}
