import type { RunnerDeps } from "../deps.ts";
import { killByMarker } from "../supervisor/process-tree/kill-by-marker.ts";
import { goneWithin } from "../supervisor/stop-agent.ts";
import type { LiveAttempt } from "./live-attempts.ts";

const GONE_WITHIN_MS = 10_000;

/**
 * A session has one writer. The coordinator offers the next run of a session only when the one before is over for it; what is left
 * of that here, because the supervisor was cut off, ends before the next one starts.
 */
export async function endOlderTrees(deps: RunnerDeps, attempt: LiveAttempt): Promise<void> {
  const older = deps.attempts
    .list()
    .filter((other) => other !== attempt && other.spec.run.session_id === attempt.spec.run.session_id)
    .filter((other) => other.phase !== "uploading" && other.phase !== "left");
  await Promise.all(older.map((other) => endTree(deps, other)));
}

async function endTree(deps: RunnerDeps, other: LiveAttempt): Promise<void> {
  const { run_id, attempt } = other.spec.run;
  deps.log.warn({ runId: run_id, attempt }, "An older attempt of the session is ended");
  other.link?.send({ command: "end_tree", reason: "a newer run of the session starts on this host" });
  if (other.link !== null) await goneWithin(other.link.ended, GONE_WITHIN_MS);
  await killByMarker(other.spec.marker);
}
