/**
 * Enqueue a resume that the coordinator owes a session: made of inbox items only.
 * Called by: assign.  Requires: the session's lock.  Writes: runs, sessions, trees.  Emits: nothing; the caller promotes.
 * What is owed does not expire and no limit refuses it. It carries the same blueprint, settings and place as the session's other runs.
 */
import type { Deps } from "../deps.ts";
import { ensureLane } from "../store/lanes.ts";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { findNewestRun, insertRun } from "../store/runs.ts";
import { reopenSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { countRunInTree } from "../store/trees.ts";
import { demandsOfResume } from "./demands.ts";

export async function enqueueResume(deps: Deps, tx: Tx, session: SessionRecord): Promise<RunRecord | null> {
  const model = await findNewestRun(tx, session.projectId, session.id);
  if (model === null) return null;
  const demands = demandsOfResume(model.demands, session, model);
  const run = await insertRun(tx, {
    id: deps.ids.make("run"),
    projectId: session.projectId,
    sessionId: session.id,
    treeId: session.rootSessionId,
    type: "resume_session",
    origin: "callback",
    waitingFor: "session_busy",
    laneId: await ensureLane(tx, session.projectId, demands),
    priority: model.priority,
    agentName: model.agentName,
    executor: model.executor,
    executorConfig: model.executorConfig,
    runtime: model.runtime,
    mode: model.mode,
    projectDir: model.projectDir,
    portable: model.portable,
    prompt: null,
    parameters: {},
    blueprint: model.blueprint,
    env: model.env,
    resources: model.resources,
    scope: model.scope,
    demands,
    labels: model.labels,
    parentSessionId: session.parentSessionId,
    parentRunId: null,
    executionMode: "sync",
    joinPolicy: model.joinPolicy,
    onLost: model.onLost,
  });
  await countRunInTree(tx, session.projectId, session.rootSessionId);
  await reopenSession(tx, session.projectId, session.id, true);
  return run;
}
