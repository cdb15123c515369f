import { ParallaxError } from "@parallax/shared/errors";
import type { CreateRun } from "@parallax/shared/protocol/runs";
import type { Deps } from "../deps.ts";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { findNewestRun, lockRun } from "../store/runs.ts";
import { countChildrenOfRun, findSession, findSubtree, lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { lockTree } from "../store/trees.ts";
import type { Author } from "./create-run.ts";

/** Where a new run belongs, with the tree's row locked first, the session's second. */
export interface Place {
  readonly sessionId: string;
  /** The session it resumes; null when it starts one. */
  readonly session: SessionRecord | null;
  readonly parent: SessionRecord | null;
  readonly rootSessionId: string;
  readonly depth: number;
  /** The parent's newest run: children inherit executor, runtime, scope, priority and labels from it. */
  readonly inherited: RunRecord | null;
  /** The session's own newest run: a resume keeps its settings. */
  readonly previous: RunRecord | null;
}

export async function placeInTree(deps: Deps, tx: Tx, author: Author, request: CreateRun): Promise<Place> {
  const parentId = author.agent?.sessionId ?? request.parent_session_id ?? null;
  return request.type === "resume_session"
    ? await placeResume(deps, tx, author, request, parentId)
    : await placeStart(deps, tx, author, request, parentId);
}

async function placeStart(
  deps: Deps,
  tx: Tx,
  author: Author,
  request: CreateRun,
  parentId: string | null,
): Promise<Place> {
  const sessionId = request.session_id ?? deps.ids.make("session");
  if (parentId === null)
    return {
      sessionId,
      session: null,
      parent: null,
      rootSessionId: sessionId,
      depth: 0,
      inherited: null,
      previous: null,
    };
  const seen = await findSession(tx, author.projectId, parentId);
  if (seen === null) throw new ParallaxError("parent_not_found", `Session '${parentId}' not found`);
  const runsInTree = (await lockTree(tx, author.projectId, seen.rootSessionId)) ?? 0;
  await fenceAgent(tx, author);
  const parent = await lockSession(tx, author.projectId, parentId);
  if (parent === null) throw new ParallaxError("parent_not_found", `Session '${parentId}' not found`);
  if (parent.state === "stopping")
    throw new ParallaxError("parent_stopped", `Session '${parentId}' is being stopped and starts no children`);
  if (parent.depth + 1 > deps.limits.treeDepthMax)
    throw new ParallaxError("tree_depth_exceeded", `a tree is at most ${deps.limits.treeDepthMax} levels deep`);
  if (runsInTree >= deps.limits.runsPerTreeMax)
    throw new ParallaxError("tree_runs_exceeded", `a tree has at most ${deps.limits.runsPerTreeMax} runs`);
  if (author.agent !== null && (await countChildrenOfRun(tx, author.agent.runId)) >= deps.limits.treeFanOutMax) {
    throw new ParallaxError("tree_fan_out_exceeded", `one run starts at most ${deps.limits.treeFanOutMax} children`);
  }
  return {
    sessionId,
    session: null,
    parent,
    rootSessionId: parent.rootSessionId,
    depth: parent.depth + 1,
    inherited: await findNewestRun(tx, author.projectId, parentId),
    previous: null,
  };
}

async function placeResume(
  deps: Deps,
  tx: Tx,
  author: Author,
  request: CreateRun,
  named: string | null,
): Promise<Place> {
  if (request.session_id === undefined)
    throw new ParallaxError("session_id_required", "session_id is required for resume_session");
  const seen = await findSession(tx, author.projectId, request.session_id);
  if (seen === null) throw new ParallaxError("session_not_found", `Session '${request.session_id}' not found`);
  const runsInTree = (await lockTree(tx, author.projectId, seen.rootSessionId)) ?? 0;
  await fenceAgent(tx, author);
  // who wants somebody called back means the session's own parent unless told otherwise
  const asksForCallback = request.execution_mode === "async_callback" || request.callback === true;
  const parentId = named ?? (asksForCallback ? seen.parentSessionId : null);
  const parent = parentId === null ? null : await findSession(tx, author.projectId, parentId);
  if (parentId !== null && parent === null)
    throw new ParallaxError("parent_not_found", `Session '${parentId}' not found`);
  if (parent !== null && (await findSubtree(tx, author.projectId, seen.id)).includes(parent.id)) {
    throw new ParallaxError(
      "parent_is_descendant",
      `Session '${parent.id}' is part of what '${seen.id}' started; it cannot be its parent`,
    );
  }
  // one lock orders everything that is owed: duties do not cross trees
  if (parent !== null && parent.rootSessionId !== seen.rootSessionId) {
    throw new ParallaxError(
      "parent_in_another_tree",
      `Session '${parent.id}' belongs to another tree than '${seen.id}'`,
      {
        hint: "resume it without parent_session_id and read its result, or start a child of that parent instead",
      },
    );
  }
  const session = await lockSession(tx, author.projectId, seen.id);
  if (session === null) throw new ParallaxError("session_not_found", `Session '${request.session_id}' not found`);
  if (runsInTree >= deps.limits.runsPerTreeMax)
    throw new ParallaxError("tree_runs_exceeded", `a tree has at most ${deps.limits.runsPerTreeMax} runs`);
  const previous = await findNewestRun(tx, author.projectId, session.id);
  return {
    sessionId: session.id,
    session,
    parent,
    rootSessionId: session.rootSessionId,
    depth: session.depth,
    inherited: null,
    previous,
  };
}

/** A call of an agent is a write of its attempt: only the newest attempt of a running run may start something. */
async function fenceAgent(tx: Tx, author: Author): Promise<void> {
  if (author.agent === null) return;
  // session before run, as everywhere
  await lockSession(tx, author.projectId, author.agent.sessionId);
  const run = await lockRun(tx, author.agent.runId);
  if (run === null || run.attempt !== author.agent.attempt)
    throw new ParallaxError("attempt_superseded", "this attempt was superseded");
  if (run.state === "stopping")
    throw new ParallaxError("run_stopping", "the run is being stopped and starts nothing more");
  if (run.state !== "running") throw new ParallaxError("run_terminal", `the run is ${run.state}`);
}
