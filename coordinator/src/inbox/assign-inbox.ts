/**
 * Assign: new items of a session go to exactly one run: a pending one absorbs them, else one resume run is made for all of them.
 * Called by: whatever adds an item, ends a run, releases a hold, and the sweep.  Requires: the tree's lock.
 * Writes: inbox_items, runs.  Emits: a hint when a run became ready.
 * A busy session gets everything that piled up when its run ends. A join holds back only its own group.
 */
import { isActiveRun } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { enqueueResume } from "../runs/enqueue-resume.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { groupIsOpen } from "../store/duties.ts";
import { assignItems, findDueItems } from "../store/inbox.ts";
import type { ItemRecord } from "../store/records.ts";
import { findOpenRuns, findRun } from "../store/runs.ts";
import { lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

export async function assignInbox(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  projectId: string,
  sessionId: string,
): Promise<void> {
  const session = await lockSession(tx, projectId, sessionId);
  if (session === null || session.held) return;
  const items = await releasedByJoin(tx, await findDueItems(tx, projectId, sessionId));
  if (items.length === 0) return;
  const open = await findOpenRuns(tx, projectId, sessionId);
  if (open.some(({ run }) => isActiveRun(run.state))) return;
  // only a run that is not waiting for a time may absorb: what is owed must not be delayed by somebody's timer. One that was offered or
  // started before goes first in any case, so nothing is gained by another run
  const absorber = open.find(({ run, pauseMs }) => run.attempt > 0 || pauseMs === 0)?.run;
  const target = absorber ?? (await enqueueResume(deps, tx, session));
  if (target === null) return;
  await assignItems(
    tx,
    items.map((item) => item.id),
    target.id,
  );
  await promoteSession(tx, effects, projectId, sessionId);
  effects.session(projectId, sessionId);
}

async function releasedByJoin(tx: Tx, items: readonly ItemRecord[]): Promise<ItemRecord[]> {
  const openGroups = new Map<string, boolean>();
  const released: ItemRecord[] = [];
  for (const item of items) {
    const group = item.kind === "child_done" ? item.groupRunId : null;
    if (group !== null && !openGroups.has(group)) {
      const parentRun = await findRun(tx, group);
      openGroups.set(group, parentRun?.joinPolicy === "all" && (await groupIsOpen(tx, group)));
    }
    if (group === null || openGroups.get(group) !== true) released.push(item);
  }
  return released;
}
