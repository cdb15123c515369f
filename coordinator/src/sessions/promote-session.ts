/**
 * Promote: the next run in a session's line becomes ready, every other one says what it waits for.
 * Called by: whatever ends, stops, returns, enqueues or un-readies a run, and the sweep.  Requires: the session's lock.
 * Writes: runs (ready, waiting_for).  Emits: a hint for the run that became ready.
 * A lost run keeps its session: it goes before everything younger. Ready is eligibility; the claim checks again.
 */
import { isActiveRun } from "@parallax/shared/run-state";
import type { Effects } from "../effects.ts";
import { changeRun, findOpenRuns, type OpenRun } from "../store/runs.ts";
import { occupationLeft, occupySession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

type WaitingFor = "session_busy" | "session_occupied" | "not_before" | "offer_paused";

export async function promoteSession(tx: Tx, effects: Effects, projectId: string, sessionId: string): Promise<void> {
  const open = await findOpenRuns(tx, projectId, sessionId);
  const pending = open.filter(({ run }) => run.state === "pending");
  if (pending.length === 0) return;
  const busy = open.some(({ run }) => isActiveRun(run.state));
  const occupiedMs = busy ? 0 : await occupationLeft(tx, projectId, sessionId);
  const occupied = occupiedMs > 0;
  if (occupied) effects.later("promote", projectId, sessionId, occupiedMs);
  else if (!busy) await occupySession(tx, projectId, sessionId, null);
  const next = busy || occupied ? null : chooseNext(pending);
  for (const { run, pauseMs } of pending) {
    if (pauseMs > 0) effects.later("promote", projectId, sessionId, pauseMs);
    if (run === next) {
      // said again when it was ready before: this transaction had it locked, and a poll that looked meanwhile has passed over it
      if (!run.ready) await changeRun(tx, run.id, { ready: true, waitingFor: null });
      effects.ready(run.laneId, run.id);
      continue;
    }
    const waitingFor = pauseMs > 0 ? pauseOf(run) : occupied ? "session_occupied" : "session_busy";
    if (run.ready) effects.unready(run.laneId, run.id);
    if (run.ready || run.waitingFor !== waitingFor) await changeRun(tx, run.id, { ready: false, waitingFor });
  }
}

function chooseNext(pending: readonly OpenRun[]): OpenRun["run"] | null {
  const lost = pending.find(({ run }) => run.attempt > 0);
  if (lost !== undefined) return lost.pauseMs === 0 ? lost.run : null;
  return pending.find(({ pauseMs }) => pauseMs === 0)?.run ?? null;
}

function pauseOf({ notBefore, offerAfter }: OpenRun["run"]): WaitingFor {
  return offerAfter !== null && (notBefore === null || notBefore < offerAfter) ? "offer_paused" : "not_before";
}
