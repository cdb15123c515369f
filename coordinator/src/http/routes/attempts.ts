import { ParallaxError } from "@parallax/shared/errors";
import {
  bindSchema,
  callDeliveredSchema,
  completionAnswerSchema,
  completionSchema,
  directivesQuerySchema,
  framesAnswerSchema,
  framesSchema,
  helloSchema,
  leaseAnswerSchema,
  takenSchema,
} from "@parallax/shared/protocol/attempts";
import { idSchema, okSchema } from "@parallax/shared/protocol/common";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { appendFrames, type Renewal } from "../../events/append-frames.ts";
import { awaitDirectives } from "../../leases/await-directives.ts";
import { confirmDelivery } from "../../mcp/confirm-delivery.ts";
import { completeRun } from "../../runs/complete-run.ts";
import { greetSupervisor } from "../../runs/greet-supervisor.ts";
import { bindSession, noteTaken } from "../../runs/note-progress.ts";
import type { DirectiveRecord } from "../../store/records.ts";
import { type App, defineRoute } from "../define-route.ts";

const params = z.object({ run_id: idSchema, attempt: z.coerce.number().int().min(1) });
const FENCED = [
  "lease_token_invalid",
  "run_not_found",
  "attempt_superseded",
  "supervisor_superseded",
  "run_terminal",
] as const;

const base = { tag: "supervisor", auth: "attempt", params } as const;
const at = "/runner/runs/{run_id}/attempts/{attempt}";

/** The supervisor's own calls; the lease token was proved by the middleware in front of them. */
export function addAttemptRoutes(app: App, deps: Deps): void {
  addHelloRoute(app, deps);
  addFramesRoutes(app, deps);
  addProgressRoutes(app, deps);
  addCompletedRoute(app, deps);
}

function addHelloRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/hello`,
      summary: "Take the renewal over; binds this supervisor to the attempt",
      body: helloSchema,
      response: leaseAnswerSchema,
      errors: [...FENCED, "run_stopping", "offer_lapsed"],
    },
    async ({ params: p, body }) => {
      await greetSupervisor(deps, {
        runId: p.run_id,
        attempt: p.attempt,
        incarnation: body.incarnation,
        hostname: body.hostname,
      });
      return { ...viewLease(deps), stop: null, directives: [] };
    },
  );
}

function addFramesRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/events`,
      summary: "Store a batch of frames and renew the lease; an empty batch only renews",
      body: framesSchema,
      response: framesAnswerSchema,
      errors: [...FENCED, "frame_gap"],
    },
    async ({ params: p, body }) => {
      const renewal = await appendFrames(deps, {
        runId: p.run_id,
        attempt: p.attempt,
        incarnation: body.incarnation,
        frames: body.frames,
        acknowledgedDirectives: body.acknowledged_directives ?? [],
      });
      return { ...viewRenewal(deps, renewal), next_frame: renewal.nextFrame };
    },
  );

  defineRoute(
    app,
    {
      ...base,
      method: "get",
      path: `${at}/directives`,
      summary: "Long poll for directives; does not renew",
      query: directivesQuerySchema,
      response: leaseAnswerSchema,
      errors: FENCED,
    },
    async ({ params: p, query, context }) =>
      viewRenewal(
        deps,
        await awaitDirectives(
          deps,
          { runId: p.run_id, attempt: p.attempt, incarnation: query.incarnation },
          query.hold_ms ?? deps.limits.pollHoldMs,
          context.req.raw.signal,
        ),
      ),
  );
}

function addProgressRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/bind`,
      summary: "Tell the agent's own session id",
      body: bindSchema,
      response: okSchema,
      errors: FENCED,
    },
    async ({ params: p, body }) => {
      await bindSession(
        deps,
        { runId: p.run_id, attempt: p.attempt, incarnation: body.incarnation },
        body.executor_session_id,
      );
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/taken`,
      summary: "Tell which inbox items the agent took",
      body: takenSchema,
      response: okSchema,
      errors: FENCED,
    },
    async ({ params: p, body }) => {
      await noteTaken(deps, { runId: p.run_id, attempt: p.attempt, incarnation: body.incarnation }, body.items);
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/delivered`,
      summary: "Tell that a waiting call's answer was written to the agent",
      body: callDeliveredSchema,
      response: okSchema,
      errors: FENCED,
    },
    async ({ params: p, body }) => {
      await confirmDelivery(deps, {
        runId: p.run_id,
        attempt: p.attempt,
        incarnation: body.incarnation,
        call: body.call,
      });
      return { ok: true as const };
    },
  );
}

function addCompletedRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...base,
      method: "post",
      path: `${at}/completed`,
      summary: "Report the end of the attempt; repeated until answered",
      body: completionSchema,
      response: completionAnswerSchema,
      errors: FENCED,
    },
    async ({ params: p, body }) => {
      if (Buffer.byteLength(body.result_text ?? "") > deps.limits.resultTextBytesMax)
        throw new ParallaxError("invalid_request", `body.result_text: at most ${deps.limits.resultTextBytesMax} bytes`);
      const answer = await completeRun(
        deps,
        { runId: p.run_id, attempt: p.attempt, runnerId: "", proven: true },
        {
          incarnation: body.incarnation,
          outcome: body.outcome,
          resultText: body.result_text,
          resultData: body.result_data,
          error: body.error,
          usage: body.usage,
          exit: body.exit,
          executorSessionId: body.executor_session_id,
          itemsTaken: body.items_taken,
          treeGone: true,
          log: { lastFrame: body.last_frame, bytes: body.log_bytes, sha256: body.log_sha256 },
        },
      );
      return { ok: true as const, run_status: answer.status };
    },
  );
}

function viewDirective(directive: DirectiveRecord) {
  return { seq: directive.seq, kind: directive.kind, reason: directive.reason, item_id: directive.itemId };
}

function viewLease(deps: Deps) {
  const { limits } = deps;
  return {
    ok: true as const,
    lease_ttl_ms: limits.leaseTtlMs,
    freeze_after_ms: limits.freezeAfterMs,
    renew_every_ms: limits.heartbeatIntervalMs,
  };
}

function viewRenewal(deps: Deps, renewal: Omit<Renewal, "nextFrame">) {
  return { ...viewLease(deps), stop: renewal.stop, directives: renewal.directives.map(viewDirective) };
}
