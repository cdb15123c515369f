import { readFileSync } from "node:fs";
import type { LiveAttempt } from "../attempts/live-attempts.ts";
import type { RunnerDeps } from "../deps.ts";
import { pause } from "../http/backoff.ts";

const LOOK_EVERY_MS = 1_000;
/** A longer gap between two looks means that this process was not scheduled either; then nobody else is blamed for silence. */
const LOOK_GAP_MS_MAX = 3_000;
/** Looks in a row for which a supervisor must be silent beyond its time. */
const OVERDUE_LOOKS = 5;
const FIRST_WORD_WITHIN_MS = 10_000;

/**
 * The other half of the self-fence: a supervisor freezes its tree when it is cut off, but one that hangs (stopped, swapped out) does
 * not, and its agent would go on while somebody else starts the work. Its runner notices the silence and ends it, and thereby the tree.
 */
export async function guardSupervisors(deps: RunnerDeps, signal: AbortSignal): Promise<void> {
  const overdue = new Map<LiveAttempt, number>();
  let lookedMs = deps.clock.monotonic();
  while (!signal.aborted) {
    await pause(LOOK_EVERY_MS, signal);
    const now = deps.clock.monotonic();
    if (now - lookedMs > LOOK_GAP_MS_MAX) overdue.clear();
    lookedMs = now;
    for (const attempt of deps.attempts.list()) {
      const looks = isOverdue(attempt, now) ? (overdue.get(attempt) ?? 0) + 1 : 0;
      overdue.set(attempt, looks);
      if (looks >= OVERDUE_LOOKS) endHanging(deps, attempt);
    }
    for (const attempt of overdue.keys()) {
      if (!deps.attempts.list().includes(attempt)) overdue.delete(attempt);
    }
  }
}

/** It has said nothing since the moment at which its tree had to be frozen, or nothing at all since it was connected to. */
function isOverdue({ link, linkedAtMs, heard }: LiveAttempt, now: number): boolean {
  if (link === null) return false;
  if (heard === null) return now - linkedAtMs > FIRST_WORD_WITHIN_MS;
  const { lease, tree } = heard.status;
  if (lease === null || tree === "gone") return false;
  const frozenFromMs = heard.atMs - lease.renewedAgoMs + lease.freezeAfterMs;
  return now > frozenFromMs && heard.atMs < frozenFromMs;
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
