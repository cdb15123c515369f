import { ParallaxError } from "@parallax/shared/errors";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { findRun, lockRun } from "../store/runs.ts";
import { lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { lockTree } from "../store/trees.ts";

export interface LockedRun {
  readonly run: RunRecord;
  readonly session: SessionRecord;
}

/** The lock order of everything that may settle: tree, session, run. */
export async function lockForEnd(tx: Tx, runId: string): Promise<LockedRun> {
  const seen = await findRun(tx, runId);
  if (seen === null) throw new ParallaxError("run_not_found", `no run ${runId}`);
  await lockTree(tx, seen.projectId, seen.treeId);
  const session = await lockSession(tx, seen.projectId, seen.sessionId);
  const run = await lockRun(tx, runId);
  if (session === null || run === null) throw new ParallaxError("run_not_found", `no run ${runId}`);
  return { run, session };
}
