import type { InboxItem, Session, TreeNode } from "@parallax/shared/protocol/sessions";
import { iso } from "../runs/view-run.ts";
import type { ItemRecord, RunRecord, SessionRecord } from "../store/records.ts";

export function viewSession(session: SessionRecord): Session {
  return {
    session_id: session.id,
    project: session.projectId,
    status: session.state,
    settled: session.settledAt !== null,
    held: session.held,
    agent_name: session.agentName,
    executor: session.executor,
    runtime: session.runtime,
    project_dir: session.projectDir,
    parent_session_id: session.parentSessionId,
    root_session_id: session.rootSessionId,
    depth: session.depth,
    executor_session_id: session.executorSessionId,
    executor_profile: session.executorProfile,
    hostname: session.hostname,
    created_at: session.createdAt.toISOString(),
    last_resumed_at: iso(session.lastResumedAt),
    last_activity_at: session.lastActivityAt.toISOString(),
  };
}

const TREE_TEXT_MAX = 2_000;

export function viewTreeNode(session: SessionRecord, runs: readonly RunRecord[], openWakeUps: number): TreeNode {
  return {
    session_id: session.id,
    parent_session_id: session.parentSessionId,
    status: session.state,
    settled: session.settledAt !== null,
    agent_name: session.agentName,
    executor: session.executor,
    hostname: session.hostname,
    created_at: session.createdAt.toISOString(),
    open_wake_ups: openWakeUps,
    runs: runs.map((run) => ({
      run_id: run.id,
      type: run.type,
      status: run.state,
      outcome: run.outcome,
      attempt: run.attempt,
      runner_id: run.runnerId,
      created_at: run.createdAt.toISOString(),
      started_at: iso(run.startedAt),
      completed_at: iso(run.finishedAt),
      result_text: run.resultText === null ? null : run.resultText.slice(0, TREE_TEXT_MAX),
      error: run.error === null ? null : { ...run.error },
    })),
  };
}

export function viewItem(item: ItemRecord, held: boolean): InboxItem {
  return {
    item_id: item.id,
    session_id: item.sessionId,
    kind: item.kind,
    status: item.state,
    held: held && item.state === "new",
    child_session_id: item.childSessionId,
    run_id: item.runId,
    attempt: item.attempt,
    deliveries: item.deliveries,
    payload: item.payload,
    created_at: item.createdAt.toISOString(),
    consumed_at: iso(item.consumedAt),
  };
}
