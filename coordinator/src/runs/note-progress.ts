/**
 * State that travels in calls of its own, never only in the log: the agent's own session id, and the items its agent took.
 * Called by: POST …/attempts/{n}/bind and …/taken; both are repeated in the completion.
 * Requires: the newest attempt and its bound supervisor.  Writes: sessions | inbox_items.  Emits: session wake.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { type Effects, transact } from "../effects.ts";
import { takeItems } from "../store/inbox.ts";
import type { RunRecord } from "../store/records.ts";
import { findRun, lockRun } from "../store/runs.ts";
import { changeSession, lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { fence, refuseTerminal } from "./fence.ts";

export interface AttemptAuthor {
  readonly runId: string;
  readonly attempt: number;
  readonly incarnation: string;
}

export async function bindSession(deps: Deps, author: AttemptAuthor, executorSessionId: string): Promise<void> {
  await underFence(deps, author, async (tx, effects, run) => {
    await changeSession(tx, run.projectId, run.sessionId, { executorSessionId });
    effects.session(run.projectId, run.sessionId);
  });
}

export async function noteTaken(deps: Deps, author: AttemptAuthor, itemIds: readonly string[]): Promise<void> {
  await underFence(deps, author, async (tx, effects, run) => {
    await takeItems(tx, run.id, run.attempt, itemIds);
    effects.session(run.projectId, run.sessionId);
  });
}

async function underFence(
  deps: Deps,
  author: AttemptAuthor,
  work: (tx: Tx, effects: Effects, run: RunRecord) => Promise<void>,
): Promise<void> {
  await transact(deps, async (tx, effects) => {
    const seen = await findRun(tx, author.runId);
    if (seen === null) throw new ParallaxError("run_not_found", `no run ${author.runId}`);
    await lockSession(tx, seen.projectId, seen.sessionId);
    const run = await lockRun(tx, author.runId);
    if (run === null) throw new ParallaxError("run_not_found", `no run ${author.runId}`);
    fence(run, { runId: run.id, attempt: author.attempt, runnerId: run.runnerId ?? "", proven: true });
    if (run.incarnation !== author.incarnation)
      throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
    refuseTerminal(run);
    await work(tx, effects, run);
  });
}
