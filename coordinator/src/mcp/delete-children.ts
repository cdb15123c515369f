/**
 * Delete all: every session below the caller that is at rest is removed, leaves first; what still works is kept and named.
 * Called by: MCP's delete_all_agent_sessions.  Requires: for an agent, its newest attempt, running.
 * Writes: gateway_calls, then what removeSession writes for each (a transaction of its own).  Emits: what removeSession emits.
 * The list is recorded with the call, so that a repeat finishes it and never touches a session that was started later.
 */
import { isParallaxError } from "@parallax/shared/errors";
import { removeSession } from "../sessions/remove-session.ts";
import { findDutiesOwedBy } from "../store/duties.ts";
import { findItemOfDuty } from "../store/inbox.ts";
import { findSubtree, listSessions } from "../store/sessions.ts";
import { answerOf, type ToolAnswer } from "./answers.ts";
import { answerRecorded, type RecordedCall, recordCall } from "./record-call.ts";
import type { ToolContext } from "./tool.ts";

export async function deleteChildren(context: ToolContext): Promise<ToolAnswer> {
  const { deps, caller } = context;
  if (caller.kind === "person") return summary(await removeAll(context, await findAll(context)));
  const record = await recordCall(deps, caller, "delete_all_agent_sessions", async (tx): Promise<RecordedCall> => {
    const below = (await findSubtree(tx, caller.projectId, caller.sessionId)).filter((id) => id !== caller.sessionId);
    return { state: "deleting", sessionIds: below.reverse() };
  });
  if (record.state === "answered") return record.answer;
  const removed = await removeAll(context, record.state === "deleting" ? record.sessionIds : []);
  // what the deletion itself reported to the caller is said in its answer
  return await answerRecorded(deps, caller, async (tx) => {
    const itemIds: string[] = [];
    for (const dutyId of removed.dutyIds) {
      const item = await findItemOfDuty(tx, dutyId);
      if (item?.state === "new" && item.reservedBy === null) itemIds.push(item.id);
    }
    return { answer: summary(removed), itemIds };
  });
}

interface Removed {
  readonly deleted: string[];
  readonly kept: string[];
  /** Duties to the caller that were still owed when their session was deleted. */
  readonly dutyIds: string[];
}

async function removeAll(context: ToolContext, sessionIds: readonly string[]): Promise<Removed> {
  const removed: Removed = { deleted: [], kept: [], dutyIds: [] };
  for (const id of sessionIds) {
    const owed = await owedToCaller(context, id);
    if (await removeOne(context, id)) {
      removed.deleted.push(id);
      removed.dutyIds.push(...owed);
    } else removed.kept.push(id);
  }
  return removed;
}

async function owedToCaller({ deps, caller }: ToolContext, sessionId: string): Promise<string[]> {
  if (caller.kind === "person") return [];
  const owed = await findDutiesOwedBy(deps.store.db, caller.projectId, sessionId);
  return owed.filter((duty) => duty.parentSessionId === caller.sessionId).map((duty) => duty.id);
}

/** False when it must stay: it works, or something below it does and would be left without its parent. */
async function removeOne({ deps, caller }: ToolContext, sessionId: string): Promise<boolean> {
  const [, ...below] = await findSubtree(deps.store.db, caller.projectId, sessionId);
  if (below.length > 0) return false;
  try {
    await removeSession(deps, caller.projectId, sessionId);
  } catch (error) {
    if (isParallaxError(error) && error.code === "session_active") return false;
    if (!isParallaxError(error) || error.code !== "session_not_found") throw error;
  }
  return true;
}

const PAGE = 500;

async function findAll({ deps, caller }: ToolContext): Promise<string[]> {
  const found: { id: string; depth: number }[] = [];
  let beforeNumber: number | undefined;
  for (;;) {
    const page = await listSessions(deps.store.db, caller.projectId, { beforeNumber, limit: PAGE });
    found.push(...page.map(({ id, depth }) => ({ id, depth })));
    beforeNumber = page.at(-1)?.number;
    if (page.length < PAGE) return found.sort((one, other) => other.depth - one.depth).map(({ id }) => id);
  }
}

function summary(removed: Removed): ToolAnswer {
  const document = { deleted: removed.deleted, kept: removed.kept };
  return removed.kept.length === 0
    ? answerOf(document)
    : answerOf(
        document,
        "Kept are sessions that work, or that wait for one that does. Delete again when they have ended.",
      );
}
