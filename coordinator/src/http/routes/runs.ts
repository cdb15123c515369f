import { ParallaxError } from "@parallax/shared/errors";
import { idSchema } from "@parallax/shared/protocol/common";
import {
  createdRunSchema,
  createRunSchema,
  explainSchema,
  listRunsQuerySchema,
  runSchema,
  runsPageSchema,
  stopAnswerSchema,
  stopRunSchema,
} from "@parallax/shared/protocol/runs";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { createRun } from "../../runs/create-run.ts";
import { explainRun } from "../../runs/explain-run.ts";
import { retryRun } from "../../runs/retry-run.ts";
import { stopSession } from "../../runs/stop-run.ts";
import { viewRun } from "../../runs/view-run.ts";
import type { RunRecord } from "../../store/records.ts";
import { findRun, listRuns } from "../../store/runs.ts";
import { pageOf, pageSize, readCursor } from "../cursor.ts";
import { type App, defineRoute } from "../define-route.ts";
import { readIdempotency } from "../read-idempotency.ts";

export const runParams = z.object({ run_id: idSchema });

export function addRunRoutes(app: App, deps: Deps): void {
  addCreateRoute(app, deps);
  addReadRoutes(app, deps);
  addStopRoute(app, deps);
  addRetryRoute(app, deps);
}

function addCreateRoute(app: App, deps: Deps): void {
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
      errors: [
        "invalid_request",
        "invalid_json",
        "parameter_validation_failed",
        "unsupported_option",
        "session_id_required",
        "session_not_found",
        "session_exists",
        "parent_not_found",
        "parent_is_descendant",
        "parent_stopped",
        "blueprint_not_found",
        "blueprint_inactive",
        "tree_depth_exceeded",
        "tree_runs_exceeded",
        "idempotency_conflict",
        "store_unavailable",
      ],
    },
    async ({ body, caller, context }) =>
      await createRun(
        deps,
        {
          projectId: caller.projectId,
          origin: "request",
          agent: null,
          idempotency: readIdempotency(context, body),
          retryOfRunId: null,
        },
        body,
      ),
  );
}

function addReadRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/runs",
      tag: "runs",
      auth: "key",
      summary: "List runs, newest first",
      query: listRunsQuerySchema,
      response: runsPageSchema,
      errors: ["invalid_request"],
    },
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

  defineRoute(
    app,
    {
      method: "get",
      path: "/runs/{run_id}",
      tag: "runs",
      auth: "key",
      summary: "Read a run",
      params: runParams,
      response: runSchema,
      errors: ["run_not_found"],
    },
    async ({ params, caller }) => viewRun(deps, await requireRun(deps, caller.projectId, params.run_id)),
  );

  defineRoute(
    app,
    {
      method: "get",
      path: "/runs/{run_id}/explain",
      tag: "runs",
      auth: "key",
      summary: "Say why a run is where it is",
      params: runParams,
      response: explainSchema,
      errors: ["run_not_found"],
    },
    async ({ params, caller }) => {
      const run = await requireRun(deps, caller.projectId, params.run_id);
      return { run_id: run.id, status: run.state, ...(await explainRun(deps, run)) };
    },
  );
}

function addStopRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "post",
      path: "/runs/{run_id}/stop",
      tag: "runs",
      auth: "key",
      summary: "Stop a run and, unless told otherwise, what it started; idempotent",
      params: runParams,
      body: stopRunSchema,
      bodyOptional: true,
      response: stopAnswerSchema,
      errors: ["run_not_found"],
    },
    async ({ params, body, caller, context }) => {
      const run = await requireRun(deps, caller.projectId, params.run_id);
      const cascade = body.cascade ?? context.req.query("cascade") !== "false";
      const answer = await stopSession(deps, {
        projectId: caller.projectId,
        sessionId: run.sessionId,
        runId: run.id,
        cascade,
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

function addRetryRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "post",
      path: "/runs/{run_id}/retry",
      tag: "runs",
      auth: "key",
      summary: "Ask an ended run again, as a new run on the same session",
      params: runParams,
      response: createdRunSchema,
      status: 201,
      errors: ["run_not_found", "run_not_retryable", "idempotency_conflict"],
    },
    async ({ params, caller, context }) =>
      await retryRun(deps, caller.projectId, params.run_id, readIdempotency(context, { retry: params.run_id })),
  );
}

function readLabel(label: string): { name: string; value: string | null } {
  const at = label.indexOf("=");
  return at < 0 ? { name: label, value: null } : { name: label.slice(0, at), value: label.slice(at + 1) };
}

/** A run of the caller's project; another project's id is as unknown as any other. */
export async function requireRun(deps: Deps, projectId: string, id: string): Promise<RunRecord> {
  const run = await findRun(deps.store.db, id);
  if (run === null || run.projectId !== projectId) throw new ParallaxError("run_not_found", `Run '${id}' not found`);
  return run;
}
