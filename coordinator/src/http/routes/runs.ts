import { ParallaxError } from "@parallax/shared/errors";
import { idSchema } from "@parallax/shared/protocol/common";
import { runEventsPageSchema } from "@parallax/shared/protocol/events";
import { createRunSchema, createdRunSchema, eventsQuerySchema, explainSchema, listRunsQuerySchema, runSchema, runsPageSchema, stopAnswerSchema, stopRunSchema } from "@parallax/shared/protocol/runs";
import type { Context } from "hono";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { readEventsPage, viewEvent } from "../../events/read-events.ts";
import { streamEvents } from "../../events/stream-events.ts";
import { streamLog } from "../../events/stream-log.ts";
import { createRun } from "../../runs/create-run.ts";
import { explainRun } from "../../runs/explain-run.ts";
import { type Idempotency, idempotencyOf } from "../../runs/idempotency.ts";
import { retryRun } from "../../runs/retry-run.ts";
import { stopSession } from "../../runs/stop-run.ts";
import { viewRun } from "../../runs/view-run.ts";
import type { RunRecord } from "../../store/records.ts";
import { findRun, listRuns } from "../../store/runs.ts";
import { pageOf, pageSize, readCursor } from "../cursor.ts";
import { type App, defineRoute } from "../define-route.ts";

const runParams = z.object({ run_id: idSchema });

export function addRunRoutes(app: App, deps: Deps): void {
  const requireRun = async (projectId: string, id: string): Promise<RunRecord> => {
    const run = await findRun(deps.store.db, id);
    if (run === null || run.projectId !== projectId) throw new ParallaxError("run_not_found", `Run '${id}' not found`);
    return run;
  };

  defineRoute(
    app,
    {
      method: "post",
      path: "/runs",
      tag: "runs",
      auth: "key",
      summary: "Enqueue a run: start a session or resume one",
      description: "201 is answered after the commit. With an Idempotency-Key a repeat gets the first answer.",
      body: createRunSchema,
      response: createdRunSchema,
      status: 201,
      errors: ["invalid_request", "invalid_json", "parameter_validation_failed", "unsupported_option", "session_id_required", "session_not_found", "session_exists", "parent_not_found", "parent_is_descendant", "parent_stopped", "blueprint_not_found", "blueprint_inactive", "tree_depth_exceeded", "tree_runs_exceeded", "idempotency_conflict", "store_unavailable"],
    },
    async ({ body, caller, context }) =>
      await createRun(deps, { projectId: caller.projectId, origin: "request", agent: null, idempotency: readIdempotency(context, body), retryOfRunId: null }, body),
  );

  defineRoute(
    app,
    { method: "get", path: "/runs", tag: "runs", auth: "key", summary: "List runs, newest first", query: listRunsQuerySchema, response: runsPageSchema, errors: ["invalid_request"] },
    async ({ query, caller }) => {
      const limit = pageSize(query.limit);
      const rows = await listRuns(deps.store.db, caller.projectId, {
        state: query.status,
        sessionId: query.session_id,
        label: query.label === undefined ? undefined : readLabel(query.label),
        beforeNumber: readCursor(query.cursor),
        limit: limit + 1,
      });
      const page = pageOf(rows, limit);
      return { runs: page.rows.map((run) => viewRun(deps, run)), next_cursor: page.nextCursor };
    },
  );

  defineRoute(app, { method: "get", path: "/runs/{run_id}", tag: "runs", auth: "key", summary: "Read a run", params: runParams, response: runSchema, errors: ["run_not_found"] }, async ({ params, caller }) =>
    viewRun(deps, await requireRun(caller.projectId, params.run_id)),
  );

  defineRoute(
    app,
    { method: "get", path: "/runs/{run_id}/explain", tag: "runs", auth: "key", summary: "Say why a run is where it is", params: runParams, response: explainSchema, errors: ["run_not_found"] },
    async ({ params, caller }) => {
      const run = await requireRun(caller.projectId, params.run_id);
      return { run_id: run.id, status: run.state, ...(await explainRun(deps, run)) };
    },
  );

  defineRoute(
    app,
    { method: "post", path: "/runs/{run_id}/stop", tag: "runs", auth: "key", summary: "Stop a run and, unless told otherwise, what it started; idempotent", params: runParams, body: stopRunSchema, bodyOptional: true, response: stopAnswerSchema, errors: ["run_not_found"] },
    async ({ params, body, caller, context }) => {
      const run = await requireRun(caller.projectId, params.run_id);
      const cascade = body.cascade ?? context.req.query("cascade") !== "false";
      const answer = await stopSession(deps, { projectId: caller.projectId, sessionId: run.sessionId, runId: run.id, cascade, reason: body.reason ?? "stopped by request" });
      return { ok: true as const, run_id: answer.runId, session_id: answer.sessionId, status: answer.status, stopped_runs: [...answer.stoppedRuns] };
    },
  );

  defineRoute(
    app,
    { method: "post", path: "/runs/{run_id}/retry", tag: "runs", auth: "key", summary: "Ask an ended run again, as a new run on the same session", params: runParams, response: createdRunSchema, status: 201, errors: ["run_not_found", "run_not_retryable", "idempotency_conflict"] },
    async ({ params, caller, context }) => await retryRun(deps, caller.projectId, params.run_id, readIdempotency(context, { retry: params.run_id })),
  );

  defineRoute(
    app,
    { method: "get", path: "/runs/{run_id}/events", tag: "events", auth: "key", summary: "Read a run's events by cursor", params: runParams, query: eventsQuerySchema, response: runEventsPageSchema, errors: ["run_not_found", "invalid_request"] },
    async ({ params, query, caller }) => {
      const run = await requireRun(caller.projectId, params.run_id);
      const page = await readEventsPage(deps, run.id, query.after ?? 0, query.limit ?? 500);
      return { events: page.events.map((event) => viewEvent(run, event)), next_after: page.nextAfter, sealed: page.sealed };
    },
  );

  defineRoute(
    app,
    {
      method: "get",
      path: "/runs/{run_id}/events/stream",
      tag: "events",
      auth: "key",
      summary: "Follow a run's events as server-sent events",
      description: "The id of each message is its seq; Last-Event-ID (or ?after=) goes on behind it. The stream ends after log_sealed.",
      params: runParams,
      query: eventsQuerySchema,
      response: z.string(),
      streams: "text/event-stream",
      errors: ["run_not_found", "invalid_request"],
    },
    async ({ params, query, caller, context }) => {
      const run = await requireRun(caller.projectId, params.run_id);
      return streamEvents(deps, run, readLastEventId(context) ?? query.after ?? 0, context.req.raw.signal);
    },
  );

  defineRoute(
    app,
    { method: "get", path: "/runs/{run_id}/log", tag: "events", auth: "key", summary: "Read what the agent said as plain text", params: runParams, response: z.string(), streams: "text/plain", errors: ["run_not_found"] },
    async ({ params, caller }) => streamLog(deps, await requireRun(caller.projectId, params.run_id)),
  );
}

function readIdempotency(context: Context, body: unknown): Idempotency | null {
  const key = context.req.header("idempotency-key");
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) throw new ParallaxError("invalid_request", "Idempotency-Key: 1–200 printable ASCII characters");
  return idempotencyOf(key, body);
}

function readLastEventId(context: Context): number | null {
  const header = context.req.header("last-event-id");
  if (header === undefined || header === "") return null;
  const seq = Number(header);
  if (!Number.isSafeInteger(seq) || seq < 0) throw new ParallaxError("invalid_request", "Last-Event-ID: not a seq");
  return seq;
}

function readLabel(label: string): { name: string; value: string | null } {
  const at = label.indexOf("=");
  return at < 0 ? { name: label, value: null } : { name: label.slice(0, at), value: label.slice(at + 1) };
}
