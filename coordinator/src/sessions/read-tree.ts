import type { TreeNode } from "@parallax/shared/protocol/sessions";
import type { Deps } from "../deps.ts";
import { countOwedTo } from "../store/duties.ts";
import { countUndelivered } from "../store/inbox.ts";
import type { SessionRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSessionsOfTree } from "../store/sessions.ts";
import { viewTreeNode } from "./view-session.ts";

const RUNS_MAX = 5_000;

export async function readTree(
  deps: Deps,
  session: SessionRecord,
): Promise<{ root_session_id: string; sessions: TreeNode[] }> {
  const { db } = deps.store;
  const members = await findSessionsOfTree(db, session.projectId, session.rootSessionId);
  const runs = await listRuns(db, session.projectId, {
    sessionIds: members.map((member) => member.id),
    limit: RUNS_MAX,
  });
  const sessions: TreeNode[] = [];
  for (const member of members) {
    const open =
      (await countOwedTo(db, member.projectId, member.id)) + (await countUndelivered(db, member.projectId, member.id));
    sessions.push(viewTreeNode(member, runs.filter((run) => run.sessionId === member.id).reverse(), open));
  }
  return { root_session_id: session.rootSessionId, sessions };
}
