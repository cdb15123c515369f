import { ParallaxError } from "@parallax/shared/errors";
import { idSchema, okSchema } from "@parallax/shared/protocol/common";
import { stopAnswerSchema, stopRunSchema } from "@parallax/shared/protocol/runs";
import {
  inboxSchema,
  listSessionsQuerySchema,
  sendMessageSchema,
  sentMessageSchema,
  sessionResultSchema,
  sessionSchema,
  sessionStatusSchema,
  sessionsPageSchema,
  treeSchema,
} from "@parallax/shared/protocol/sessions";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { stopSession } from "../../runs/stop-run.ts";
import { iso } from "../../runs/view-run.ts";
import { interruptSession } from "../../sessions/interrupt-session.ts";
import { readTree } from "../../sessions/read-tree.ts";
import { releaseInbox } from "../../sessions/release-inbox.ts";
import { removeSession } from "../../sessions/remove-session.ts";
import { sendMessage } from "../../sessions/send-message.ts";
import { viewItem, viewSession } from "../../sessions/view-session.ts";
import { findDutiesOwedTo } from "../../store/duties.ts";
import { listItems } from "../../store/inbox.ts";
import type { SessionRecord } from "../../store/records.ts";
import { findActiveRun, findNewestEnd } from "../../store/runs.ts";
import { findSession, listSessions } from "../../store/sessions.ts";
import { pageOf, pageSize, readCursor } from "../cursor.ts";
import { type App, defineRoute } from "../define-route.ts";
import { readIdempotency } from "../read-idempotency.ts";

const sessionParams = z.object({ session_id: idSchema });
const one = { tag: "sessions", auth: "key", params: sessionParams } as const;
const INBOX_PAGE = 500;

export function addSessionRoutes(app: App, deps: Deps): void {
  addListRoute(app, deps);
  addStateRoutes(app, deps);
  addResultRoutes(app, deps);
  addTreeRoutes(app, deps);
  addMessageRoute(app, deps);
  addInterruptRoute(app, deps);
  addStopRoute(app, deps);
  addInboxRoutes(app, deps);
}

function addListRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/sessions",
      tag: "sessions",
      auth: "key",
      summary: "List sessions, newest first",
      query: listSessionsQuerySchema,
      response: sessionsPageSchema,
      errors: ["invalid_request"],
    },
    async ({ query, caller }) => {
      const limit = pageSize(query.limit);
      const rows = await listSessions(deps.store.db, caller.projectId, {
        state: query.status,
        parentSessionId: query.parent_session_id,
        beforeNumber: readCursor(query.cursor),
        limit: limit + 1,
      });
      const page = pageOf(rows, limit);
      return { sessions: page.rows.map(viewSession), next_cursor: page.nextCursor };
    },
  );
}

function addStateRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}",
      summary: "Read a session",
      response: z.object({ session: sessionSchema }),
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => ({
      session: viewSession(await requireSession(deps, caller.projectId, params.session_id)),
    }),
  );

  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}/status",
      summary: "Read a session's state in one word; 200 `not_existent` for unknown ids",
      response: sessionStatusSchema,
      errors: [],
    },
    async ({ params, caller }) => ({
      status: (await findSession(deps.store.db, caller.projectId, params.session_id))?.state ?? "not_existent",
    }),
  );
}

function addResultRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}/result",
      summary: "Read the result of the newest ended run",
      response: sessionResultSchema,
      errors: ["session_not_found", "session_not_settled", "result_not_found"],
    },
    async ({ params, caller }) => {
      const session = await requireSession(deps, caller.projectId, params.session_id);
      if ((await findActiveRun(deps.store.db, caller.projectId, session.id)) !== null) {
        throw new ParallaxError("session_not_settled", "Session not finished or idle", {
          details: { status: session.state },
        });
      }
      const run = await findNewestEnd(deps.store.db, caller.projectId, session.id);
      if (run === null) throw new ParallaxError("result_not_found", "No result found");
      return {
        result_text: run.resultText,
        result_data: run.resultData ?? null,
        run_id: run.id,
        status: run.state,
        outcome: run.outcome,
      };
    },
  );

  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}/affinity",
      summary: "Where the session's files are",
      response: z.object({
        affinity: z.object({
          session_id: z.string(),
          hostname: z.string().nullable(),
          project_dir: z.string().nullable(),
          executor_profile: z.string().nullable(),
        }),
      }),
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => {
      const session = await requireSession(deps, caller.projectId, params.session_id);
      return {
        affinity: {
          session_id: session.id,
          hostname: session.hostname,
          project_dir: session.projectDir,
          executor_profile: session.executorProfile,
        },
      };
    },
  );
}

function addTreeRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}/tree",
      summary: "The whole tree the session is part of: states, runs, open wake-ups",
      response: treeSchema,
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => await readTree(deps, await requireSession(deps, caller.projectId, params.session_id)),
  );

  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/sessions/{session_id}/inbox",
      summary: "What wakes the session, and which children still owe it a report",
      response: inboxSchema,
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => {
      const session = await requireSession(deps, caller.projectId, params.session_id);
      const items = await listItems(deps.store.db, caller.projectId, session.id, INBOX_PAGE);
      const owed = await findDutiesOwedTo(deps.store.db, caller.projectId, session.id);
      return {
        items: items.map((item) => viewItem(item, session.held)),
        awaited: owed.map((duty) => ({
          parent_session_id: duty.parentSessionId,
          child_session_id: duty.childSessionId,
          origin_run_id: duty.originRunId,
          status: duty.state,
          created_at: duty.createdAt.toISOString(),
          paid_at: iso(duty.paidAt),
        })),
      };
    },
  );
}

function addMessageRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "post",
      path: "/sessions/{session_id}/messages",
      summary: "Send a message; an idle session is resumed with it",
      body: sendMessageSchema,
      response: sentMessageSchema,
      status: 201,
      errors: ["session_not_found", "session_busy", "unsupported_option"],
    },
    async ({ params, body, caller, context }) => {
      const sent = await sendMessage(deps, {
        projectId: caller.projectId,
        sessionId: params.session_id,
        text: body.message,
        ifBusy: body.if_busy ?? "queue",
        idempotency: readIdempotency(context, { session: params.session_id, ...body }),
      });
      return { item_id: sent.itemId, session_id: params.session_id, run_id: null, status: sent.status };
    },
  );
}

function addInterruptRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "post",
      path: "/sessions/{session_id}/interrupt",
      summary: "End the live turn and keep the session; nothing happens when no run is active",
      response: z.object({ ok: z.literal(true), session_id: z.string(), run_id: z.string().nullable() }),
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => {
      const runId = await interruptSession(deps, caller.projectId, params.session_id);
      return { ok: true as const, session_id: params.session_id, run_id: runId };
    },
  );
}

function addStopRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "post",
      path: "/sessions/{session_id}/stop",
      summary: "Stop what the session does and, unless told otherwise, what it started; idempotent",
      body: stopRunSchema,
      bodyOptional: true,
      response: stopAnswerSchema,
      errors: ["session_not_found"],
    },
    async ({ params, body, caller }) => {
      const answer = await stopSession(deps, {
        projectId: caller.projectId,
        sessionId: params.session_id,
        runId: null,
        cascade: body.cascade ?? true,
        reason: body.reason ?? "stopped by request",
      });
      return {
        ok: true as const,
        run_id: answer.runId,
        session_id: answer.sessionId,
        status: answer.status,
        stopped_runs: [...answer.stoppedRuns],
      };
    },
  );
}

function addInboxRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "post",
      path: "/sessions/{session_id}/release",
      summary: "Let a held inbox flow again",
      response: okSchema,
      errors: ["session_not_found"],
    },
    async ({ params, caller }) => {
      await releaseInbox(deps, caller.projectId, params.session_id);
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    {
      ...one,
      method: "delete",
      path: "/sessions/{session_id}",
      summary: "Delete a session at rest with its runs and events",
      response: z.object({ ok: z.literal(true), session_id: z.string() }),
      errors: ["session_not_found", "session_active"],
    },
    async ({ params, caller }) => {
      await removeSession(deps, caller.projectId, params.session_id);
      return { ok: true as const, session_id: params.session_id };
    },
  );
}

async function requireSession(deps: Deps, projectId: string, id: string): Promise<SessionRecord> {
  const session = await findSession(deps.store.db, projectId, id);
  if (session === null) throw new ParallaxError("session_not_found", `Session '${id}' not found`);
  return session;
}
