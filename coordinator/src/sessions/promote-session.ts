/**
 * Promote: the next run in a session's line becomes ready, every other one says what it waits for.
 * Called by: whatever ends, stops, returns, enqueues or un-readies a run, and the sweep.  Requires: the session's lock.
 * Writes: runs (ready, waiting_for).  Emits: a hint for the run that became ready.
 * A lost run keeps its session: it goes before everything younger. Ready is eligibility; the claim checks again.
 */
import { isActiveRun } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { changeRun, findOpenRuns, type OpenRun } from "../store/runs.ts";
import { occupationLeft, occupySession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

type WaitingFor = "session_busy" | "session_occupied" | "not_before";

export async function promoteSession(
  deps: Pick<Deps, "clock">,
  tx: Tx,
  effects: Effects,
  projectId: string,
  sessionId: string,
): Promise<void> {
  const open = await findOpenRuns(tx, projectId, sessionId);
  const pending = open.filter(({ run }) => run.state === "pending");
  if (pending.length === 0) return;
  const busy = open.some(({ run }) => isActiveRun(run.state));
  const occupiedMs = busy ? 0 : await occupationLeft(tx, projectId, sessionId);
  const occupied = occupiedMs > 0;
  if (occupied) effects.later("promote", projectId, sessionId, occupiedMs);
  else if (!busy) await occupySession(tx, projectId, sessionId, null);
  const next = busy || occupied ? null : chooseNext(pending);
  for (const { run, due } of pending) {
    if (!due && run.notBefore !== null)
      effects.later("promote", projectId, sessionId, run.notBefore.getTime() - deps.clock.now());
    if (run === next) {
      // said again when it was ready before: this transaction had it locked, and a poll that looked meanwhile has passed over it
      if (!run.ready) await changeRun(tx, run.id, { ready: true, waitingFor: null });
      effects.ready(run.laneId, run.id);
      continue;
    }
    const waitingFor: WaitingFor = due ? (occupied ? "session_occupied" : "session_busy") : "not_before";
    if (run.ready || run.waitingFor !== waitingFor) await changeRun(tx, run.id, { ready: false, waitingFor });
  }
}

function chooseNext(pending: readonly OpenRun[]): OpenRun["run"] | null {
  const lost = pending.find(({ run }) => run.attempt > 0);
  if (lost !== undefined) return lost.due ? lost.run : null;
  return pending.find(({ due }) => due)?.run ?? null;
}
