/**
 * Retake: a supervisor that was cut off comes back while its run waits unclaimed; pending → running, same attempt.
 * Called by: a renewal of the newest attempt.  Requires: the run's lock; nobody claimed it meanwhile.
 * Writes: runs, attempts (one transaction with the renewal).  Emits: nothing.
 * A thaw is a re-claim: only this transaction's answer lets a frozen tree go on.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { answerRunEvent } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { reopenAttempt } from "../store/attempts.ts";
import { unassignUntold } from "../store/inbox.ts";
import { leaseFromNow } from "../store/leases.ts";
import type { RunRecord } from "../store/records.ts";
import { changeRun, findActiveRun } from "../store/runs.ts";
import type { Tx } from "../store/store.ts";

export async function retakeRun(deps: Deps, tx: Tx, effects: Effects, run: RunRecord): Promise<RunRecord> {
  const other = await findActiveRun(tx, run.projectId, run.sessionId);
  if (answerRunEvent(run.state, "retake") !== "running" || run.incarnation === null || other !== null) {
    throw new ParallaxError("attempt_superseded", "the attempt was given up", { details: { attempt: run.attempt } });
  }
  await changeRun(tx, run.id, {
    state: "running",
    phase: "supervised",
    ready: false,
    waitingFor: null,
    ...leaseFromNow(deps.limits.leaseTtlMs),
  });
  await reopenAttempt(tx, run.id, run.attempt);
  await unassignUntold(tx, run.id, run.attempt);
  effects.session(run.projectId, run.sessionId);
  if (run.ready) effects.unready(run.laneId, run.id);
  return { ...run, state: "running", phase: "supervised", ready: false };
}
