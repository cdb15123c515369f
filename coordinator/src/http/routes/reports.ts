import { OUTCOMES, type Outcome } from "@parallax/shared/outcome";
import { idSchema, okSchema } from "@parallax/shared/protocol/common";
import {
  completedReportSchema,
  failedReportSchema,
  lostReportSchema,
  startedAnswerSchema,
  startedReportSchema,
  stoppedReportSchema,
} from "@parallax/shared/protocol/runners";
import { z } from "zod";
import { identifyClaimer } from "../../auth/identify-claimer.ts";
import type { Deps } from "../../deps.ts";
import { reportLoss } from "../../leases/report-loss.ts";
import { completeRun } from "../../runs/complete-run.ts";
import { startRun } from "../../runs/start-run.ts";
import { type App, defineRoute } from "../define-route.ts";

const runParams = z.object({ run_id: idSchema });
const protocol = { tag: "runner protocol", auth: "key" } as const;
const NO_LOG = null;

/** What the claimer of a run reports: it starts it, and how it ended. Plain runners speak through these alone. */
export function addReportRoutes(app: App, deps: Deps): void {
  addStartedRoute(app, deps);
  addCompletedRoute(app, deps);
  addFailedRoute(app, deps);
  addStoppedRoute(app, deps);
  addLostRoute(app, deps);
}

function addStartedRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/runs/{run_id}/started",
      summary: "Say that the run is about to be spawned",
      params: runParams,
      body: startedReportSchema,
      response: startedAnswerSchema,
      errors: [
        "unknown_runner",
        "run_not_found",
        "offer_lapsed",
        "attempt_superseded",
        "run_stopping",
        "not_the_claimer",
        "lease_token_invalid",
      ],
    },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, {
        runnerId: body.runner_id,
        attempt: body.attempt,
        leaseToken: body.lease_token,
      });
      const { leaseTtlMs } = await startRun(deps, claimer);
      return { ok: true as const, lease_ttl_ms: leaseTtlMs, renew_every_ms: deps.limits.heartbeatIntervalMs };
    },
  );
}

function addCompletedRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/runs/{run_id}/completed",
      summary: "Report that the run's work is done",
      params: runParams,
      body: completedReportSchema,
      response: okSchema,
      errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"],
    },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, {
        runnerId: body.runner_id,
        attempt: body.attempt,
        leaseToken: body.lease_token,
      });
      await completeRun(deps, claimer, {
        outcome: "completed",
        incarnation: null,
        log: NO_LOG,
        treeGone: true,
        resultText: body.result_text ?? null,
        resultData: body.result_data ?? null,
        finishSession: body.session_status === "finished",
      });
      return { ok: true as const };
    },
  );
}

function addFailedRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/runs/{run_id}/failed",
      summary: "Report that the run failed",
      params: runParams,
      body: failedReportSchema,
      response: okSchema,
      errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"],
    },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, {
        runnerId: body.runner_id,
        attempt: body.attempt,
        leaseToken: body.lease_token,
      });
      const error =
        typeof body.error === "object"
          ? { ...body.error }
          : { code: "agent_failed", message: body.error ?? "the run failed" };
      await completeRun(deps, claimer, {
        outcome: failureOutcome(body.outcome),
        error,
        incarnation: null,
        log: NO_LOG,
        treeGone: true,
      });
      return { ok: true as const };
    },
  );
}

function addStoppedRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/runs/{run_id}/stopped",
      summary: "Report that the run was stopped",
      params: runParams,
      body: stoppedReportSchema,
      response: okSchema,
      errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"],
    },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, {
        runnerId: body.runner_id,
        attempt: body.attempt,
        leaseToken: body.lease_token,
      });
      await completeRun(deps, claimer, {
        outcome: "stopped",
        incarnation: null,
        log: NO_LOG,
        treeGone: true,
        exit: { signal: body.signal ?? null },
      });
      return { ok: true as const };
    },
  );
}

function addLostRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/runs/{run_id}/lost",
      summary: "Report that an attempt's supervisor is dead and its tree is gone",
      params: runParams,
      body: lostReportSchema,
      response: okSchema,
      errors: ["unknown_runner", "run_not_found", "attempt_superseded", "duplicate_runner", "lease_token_invalid"],
    },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, {
        runnerId: body.runner_id,
        attempt: body.attempt,
        leaseToken: body.lease_token,
      });
      await reportLoss(deps, claimer, body.instance_id, body.reason);
      return { ok: true as const };
    },
  );
}

function failureOutcome(outcome: string | undefined): Outcome {
  const known = OUTCOMES.find((candidate) => candidate === outcome);
  const failures: readonly Outcome[] = [
    "executor_error",
    "infra_error",
    "agent_error",
    "timeout",
    "idle_timeout",
    "usage_limited",
    "refused",
    "budget_exceeded",
  ];
  return known !== undefined && failures.includes(known) ? known : "agent_error";
}
