/**
 * Pay: what a settled child owes its parent becomes an inbox item, once (unique by duty).
 * Called by: settle, stop, delete.  Requires: the tree's lock.  Writes: inbox_items, duties.  Emits: nothing; the caller assigns.
 */
import type { Deps } from "../deps.ts";
import { markPaid } from "../store/duties.ts";
import { insertItem } from "../store/inbox.ts";
import type { DutyRecord, RunRecord } from "../store/records.ts";
import type { Tx } from "../store/store.ts";

/** What a parent reads of a child. Kept in the item, so that deleting the child takes nothing from the parent. */
export interface ChildReport {
  readonly session_id: string;
  readonly run_id: string;
  readonly status: "completed" | "failed";
  readonly outcome: string;
  readonly result_text: string | null;
  readonly result_data: unknown;
  readonly error: string | null;
}

export async function payDuty(
  deps: Deps,
  tx: Tx,
  duty: DutyRecord,
  end: RunRecord,
  born: "new" | "consumed" = "new",
): Promise<void> {
  await insertItem(tx, {
    id: deps.ids.make("item"),
    projectId: duty.projectId,
    sessionId: duty.parentSessionId,
    kind: "child_done",
    state: born,
    dutyId: duty.id,
    childSessionId: duty.childSessionId,
    groupRunId: duty.parentRunId,
    payload: { ...reportOf(end) },
  });
  await markPaid(tx, duty.id);
}

export function reportOf(run: RunRecord): ChildReport {
  const completed = run.state === "completed";
  return {
    session_id: run.sessionId,
    run_id: run.id,
    status: completed ? "completed" : "failed",
    outcome: run.outcome ?? "stopped",
    result_text: run.resultText,
    result_data: run.resultData ?? null,
    error: errorOf(run),
  };
}

function errorOf(run: RunRecord): string | null {
  if (run.error !== null)
    return run.error.hint === undefined ? run.error.message : `${run.error.message} (${run.error.hint})`;
  if (run.state === "completed") return null;
  return run.state === "failed" ? `The run failed: ${run.outcome ?? "unknown"}.` : "Session was manually stopped";
}
