/**
 * Create: a request becomes a durable pending run, and a session when it starts one. 201 is answered after the commit.
 * Called by: POST /runs, POST /runs/{id}/retry, MCP's start and resume.  Requires: a valid, resolvable request.
 * Writes: sessions, trees, runs, duties, lanes, idempotency_keys (one transaction).  Emits: a hint when it is ready.
 * A refused request leaves no trace: everything is judged before the first insert or rolled back with it.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { CreatedRun, CreateRun } from "@parallax/shared/protocol/runs";
import type { Deps } from "../deps.ts";
import { type Effects, transact } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { settleSession } from "../sessions/settle-session.ts";
import { databaseNowPlus } from "../store/database-time.ts";
import { awaits, oweParent } from "../store/duties.ts";
import { ensureLane } from "../store/lanes.ts";
import type { RunRecord, SessionRecord } from "../store/records.ts";
import { findRun, insertRun } from "../store/runs.ts";
import { changeSession, insertSession, reopenSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { countRunInTree, createTree } from "../store/trees.ts";
import { demandsOfResume, mergeDemands } from "./demands.ts";
import { type Idempotency, recallAnswer, rememberAnswer } from "./idempotency.ts";
import { type Place, placeInTree } from "./place-in-tree.ts";
import { type Plan, planRun } from "./plan-run.ts";

/** Who asks. An agent's request is a write of its attempt and is fenced like one. */
export interface Author {
  readonly projectId: string;
  readonly origin: "request" | "agent" | "retry";
  readonly agent: { readonly runId: string; readonly attempt: number; readonly sessionId: string } | null;
  readonly idempotency: Idempotency | null;
  readonly retryOfRunId: string | null;
}

export async function createRun(deps: Deps, author: Author, request: CreateRun): Promise<CreatedRun> {
  return await transact(deps, async (tx, effects) => await createRunIn(deps, tx, effects, author, request));
}

/** The same inside a caller's transaction, for callers that must write more with it. */
export async function createRunIn(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  author: Author,
  request: CreateRun,
): Promise<CreatedRun> {
  const recalled =
    author.idempotency === null ? null : await recallAnswer<CreatedRun>(tx, author.projectId, author.idempotency);
  if (recalled !== null) return recalled;
  const place = await placeInTree(deps, tx, author, request);
  const plan = await planRun(tx, author, request, place);
  const session = place.session ?? (await beginSession(tx, author, plan, place));
  const run = await enqueue(deps, tx, author, request, plan, place, session);
  if (place.parent !== null && owesReport(author, plan)) {
    if (await awaits(tx, author.projectId, session.id, place.parent.id))
      throw new ParallaxError(
        "parent_is_descendant",
        `Session '${session.id}' waits for '${place.parent.id}' itself; both would wait for ever`,
      );
    await oweParent(tx, {
      id: deps.ids.make("duty"),
      projectId: author.projectId,
      parentSessionId: place.parent.id,
      parentRunId: author.agent?.runId ?? null,
      childSessionId: session.id,
      originRunId: run.id,
    });
    // a parent that rested is waiting again
    await settleSession(deps, tx, effects, author.projectId, place.parent.id);
  }
  // what a stop held, or what came meanwhile, goes out with the resume
  if (place.session !== null) await assignInbox(deps, tx, effects, author.projectId, session.id);
  await promoteSession(tx, effects, author.projectId, session.id);
  effects.session(author.projectId, session.id);
  const created = { run_id: run.id, session_id: session.id, status: "pending" as const };
  if (author.idempotency !== null) await rememberAnswer(tx, author.projectId, author.idempotency, created);
  return created;
}

/** Over HTTP nobody holds a line for a `sync` run: who asked reads the result. An agent's sync call waits, and must get a report if it breaks. */
function owesReport(author: Author, plan: Plan): boolean {
  return plan.executionMode === "async_callback" || (plan.executionMode === "sync" && author.agent !== null);
}

async function beginSession(tx: Tx, author: Author, plan: Plan, place: Place): Promise<SessionRecord> {
  const exists = new ParallaxError("session_exists", `Session '${place.sessionId}' already exists`, {
    hint: "choose another session_id, or resume this one with type resume_session",
  });
  // of a deleted root children may be left, which are its tree still
  if (place.parent === null && !(await createTree(tx, author.projectId, place.rootSessionId))) throw exists;
  const session = await insertSession(tx, {
    projectId: author.projectId,
    id: place.sessionId,
    parentSessionId: place.parent?.id ?? null,
    rootSessionId: place.rootSessionId,
    depth: place.depth,
    agentName: plan.agentName,
    executor: plan.executor,
    runtime: plan.runtime,
    projectDir: plan.projectDir,
  });
  if (session === null) throw exists;
  return session;
}

async function enqueue(
  deps: Deps,
  tx: Tx,
  author: Author,
  request: CreateRun,
  plan: Plan,
  place: Place,
  session: SessionRecord,
): Promise<RunRecord> {
  const resumes = place.session !== null;
  const own = mergeDemands(
    { executor: plan.executor, runtime: plan.runtime },
    plan.demands,
    request.additional_demands ?? {},
  );
  const demands = resumes ? demandsOfResume(own, session, plan) : own;
  const run = await insertRun(tx, {
    id: deps.ids.make("run"),
    projectId: author.projectId,
    sessionId: session.id,
    treeId: place.rootSessionId,
    type: request.type,
    origin: author.origin,
    waitingFor: "session_busy",
    laneId: await ensureLane(tx, author.projectId, demands),
    priority: request.priority ?? place.inherited?.priority ?? 3,
    agentName: plan.agentName,
    executor: plan.executor,
    executorConfig: plan.executorConfig,
    runtime: plan.runtime,
    mode: plan.mode,
    projectDir: plan.projectDir,
    portable: plan.portable,
    prompt: plan.prompt,
    parameters: plan.parameters,
    blueprint: plan.blueprint,
    env: plan.env,
    resources: plan.resources,
    scope: plan.scope,
    demands,
    labels: request.labels ?? place.inherited?.labels ?? {},
    parentSessionId: place.parent?.id ?? session.parentSessionId,
    parentRunId: author.agent?.runId ?? null,
    executionMode: plan.executionMode,
    joinPolicy: request.join ?? place.previous?.joinPolicy ?? "each",
    retryOfRunId: author.retryOfRunId,
    onLost: plan.onLost,
    notBefore: request.not_before === undefined ? null : new Date(request.not_before),
    queueExpiresAt: databaseNowPlus((request.expires_in_seconds ?? deps.limits.queueTtlSeconds) * 1000),
  });
  await countRunInTree(tx, author.projectId, place.rootSessionId);
  if (resumes) {
    // a person or a living parent resumes it: what the stop held may flow again
    await changeSession(tx, author.projectId, session.id, { held: false });
    await reopenSession(tx, author.projectId, session.id, true);
  }
  return (await findRun(tx, run.id)) ?? run;
}
