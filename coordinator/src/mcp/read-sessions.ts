import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import { listBlueprints } from "../store/blueprints.ts";
import { isDescendant } from "../store/gateway-calls.ts";
import type { SessionRecord } from "../store/records.ts";
import { findNewestEnd, findNewestRun } from "../store/runs.ts";
import { findSession, findSubtree, listSessions } from "../store/sessions.ts";
import { answerOf, boundData, cutResult, type ToolAnswer, unknownSession } from "./answers.ts";
import type { ToolContext } from "./tool.ts";

const SESSIONS_MAX = 500;

export async function readBlueprints({ deps, caller }: ToolContext): Promise<ToolAnswer> {
  const blueprints = await listBlueprints(deps.store.db, caller.projectId);
  return answerOf(
    blueprints
      .filter((blueprint) => blueprint.status === "active")
      .map(({ name, description, executor, tags, parametersSchema }) => ({
        name,
        description,
        type: executor === "script" ? "procedural" : "autonomous",
        tags,
        parameters_schema: parametersSchema,
      })),
  );
}

export async function readSessions({ deps, caller }: ToolContext): Promise<ToolAnswer> {
  const { db } = deps.store;
  const ids =
    caller.kind === "person"
      ? undefined
      : (await findSubtree(db, caller.projectId, caller.sessionId)).filter((id) => id !== caller.sessionId);
  const sessions = ids?.length === 0 ? [] : await listSessions(db, caller.projectId, { ids, limit: SESSIONS_MAX + 1 });
  const cut = sessions.length > SESSIONS_MAX;
  return answerOf(
    sessions.slice(0, SESSIONS_MAX).map(viewSession),
    cut ? `These are the newest ${SESSIONS_MAX}; there are more.` : undefined,
  );
}

function viewSession(session: SessionRecord) {
  return {
    session_id: session.id,
    status: session.state,
    settled: session.settledAt !== null,
    agent_name: session.agentName,
    executor: session.executor,
    project_dir: session.projectDir,
    parent_session_id: session.parentSessionId,
    created_at: session.createdAt.toISOString(),
    last_activity_at: session.lastActivityAt.toISOString(),
  };
}

export async function readStatus(context: ToolContext, sessionId: string): Promise<ToolAnswer> {
  const session = await requireSession(context, sessionId);
  const newest = await findNewestRun(context.deps.store.db, session.projectId, session.id);
  const waits = newest?.state === "pending" ? { waiting_for: newest.waitingFor ?? "runner" } : {};
  return answerOf({
    session_id: session.id,
    status: session.state,
    settled: session.settledAt !== null,
    outcome: newest?.outcome ?? null,
    ...waits,
  });
}

export async function readResult(context: ToolContext, sessionId: string, offset: number): Promise<ToolAnswer> {
  const session = await requireSession(context, sessionId);
  const { db } = context.deps.store;
  const newest = await findNewestRun(db, session.projectId, session.id);
  if (newest !== null && !isTerminalRun(newest.state)) {
    throw new ParallaxError("session_not_settled", `Session '${session.id}' is not done`, {
      details: { status: session.state },
    });
  }
  const run = await findNewestEnd(db, session.projectId, session.id);
  if (run === null) throw new ParallaxError("result_not_found", `Session '${session.id}' has no result`);
  const part = run.resultText === null ? null : cutResult(run.resultText, session.id, offset);
  return answerOf({
    session_id: session.id,
    status: session.state,
    settled: session.settledAt !== null,
    outcome: run.outcome,
    result_text: part?.text ?? null,
    ...(part === null || part.nextOffset === null ? {} : { next_offset: part.nextOffset }),
    ...boundData(run.resultData),
    ...(run.error === null ? {} : { error: run.error.message }),
  });
}

async function requireSession({ deps, caller }: ToolContext, sessionId: string): Promise<SessionRecord> {
  const { db } = deps.store;
  const inScope = caller.kind === "person" || (await isDescendant(db, caller.projectId, caller.sessionId, sessionId));
  const session = inScope ? await findSession(db, caller.projectId, sessionId) : null;
  if (session === null) throw unknownSession(sessionId);
  return session;
}
