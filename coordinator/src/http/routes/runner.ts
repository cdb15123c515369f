import { ParallaxError } from "@parallax/shared/errors";
import { OUTCOMES, type Outcome } from "@parallax/shared/outcome";
import { idSchema, okSchema } from "@parallax/shared/protocol/common";
import { completedReportSchema, failedReportSchema, heartbeatAnswerSchema, heartbeatSchema, lostReportSchema, pollAnswerSchema, pollQuerySchema, registerRunnerSchema, registeredRunnerSchema, runnersSchema, startedAnswerSchema, startedReportSchema, stoppedReportSchema } from "@parallax/shared/protocol/runners";
import { z } from "zod";
import { identifyClaimer } from "../../auth/identify-claimer.ts";
import type { Deps } from "../../deps.ts";
import type { Dispatcher } from "../../dispatch/dispatcher.ts";
import { reportLoss } from "../../leases/report-loss.ts";
import { completeRun } from "../../runs/complete-run.ts";
import { startRun } from "../../runs/start-run.ts";
import { beatRunner } from "../../runners/beat-runner.ts";
import { deregisterRunner } from "../../runners/deregister-runner.ts";
import { pollRuns } from "../../runners/poll-runs.ts";
import { registerRunner } from "../../runners/register-runner.ts";
import { viewRunner } from "../../runners/view-runner.ts";
import { findRunner, listRunners, setRunnerState } from "../../store/runners.ts";
import { type App, defineRoute } from "../define-route.ts";

const runParams = z.object({ run_id: idSchema });
const runnerParams = z.object({ runner_id: idSchema });
const protocol = { tag: "runner protocol", auth: "key" } as const;
const NO_LOG = null;

export function addRunnerRoutes(app: App, deps: Deps, dispatcher: Dispatcher): void {
  defineRoute(app, { ...protocol, method: "post", path: "/runner/register", summary: "Register a runner, or come back as one", body: registerRunnerSchema, response: registeredRunnerSchema, errors: ["invalid_request", "duplicate_runner"] }, async ({ body, caller }) => {
    const runner = await registerRunner(deps, caller.projectId, body);
    return { runner_id: runner.id, poll_endpoint: "/runner/runs", poll_timeout_seconds: deps.limits.pollHoldMs / 1000, heartbeat_interval_seconds: deps.limits.heartbeatIntervalMs / 1000 };
  });

  defineRoute(
    app,
    { ...protocol, method: "get", path: "/runner/runs", summary: "Long poll for work", query: pollQuerySchema, response: pollAnswerSchema, mayBeEmpty: true, errors: ["unknown_runner", "invalid_request"] },
    async ({ query, context }) => {
      const answer = await pollRuns(deps, dispatcher, query, context.req.raw.signal);
      return answer === null ? context.body(null, 204) : answer;
    },
  );

  defineRoute(
    app,
    { ...protocol, method: "post", path: "/runner/runs/{run_id}/started", summary: "Say that the run is about to be spawned", params: runParams, body: startedReportSchema, response: startedAnswerSchema, errors: ["unknown_runner", "run_not_found", "offer_lapsed", "attempt_superseded", "run_stopping", "not_the_claimer", "lease_token_invalid"] },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, { runnerId: body.runner_id, attempt: body.attempt, leaseToken: body.lease_token });
      const { leaseTtlMs } = await startRun(deps, claimer);
      return { ok: true as const, lease_ttl_ms: leaseTtlMs, renew_every_ms: deps.limits.heartbeatIntervalMs };
    },
  );

  defineRoute(
    app,
    { ...protocol, method: "post", path: "/runner/runs/{run_id}/completed", summary: "Report that the run's work is done", params: runParams, body: completedReportSchema, response: okSchema, errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"] },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, { runnerId: body.runner_id, attempt: body.attempt, leaseToken: body.lease_token });
      await completeRun(deps, claimer, { outcome: "completed", incarnation: null, log: NO_LOG, treeGone: true, resultText: body.result_text ?? null, resultData: body.result_data ?? null, finishSession: body.session_status === "finished" });
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    { ...protocol, method: "post", path: "/runner/runs/{run_id}/failed", summary: "Report that the run failed", params: runParams, body: failedReportSchema, response: okSchema, errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"] },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, { runnerId: body.runner_id, attempt: body.attempt, leaseToken: body.lease_token });
      const error = typeof body.error === "object" ? { ...body.error } : { code: "agent_failed", message: body.error ?? "the run failed" };
      await completeRun(deps, claimer, { outcome: failureOutcome(body.outcome), error, incarnation: null, log: NO_LOG, treeGone: true });
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    { ...protocol, method: "post", path: "/runner/runs/{run_id}/stopped", summary: "Report that the run was stopped", params: runParams, body: stoppedReportSchema, response: okSchema, errors: ["unknown_runner", "run_not_found", "run_terminal", "attempt_superseded", "not_the_claimer"] },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, { runnerId: body.runner_id, attempt: body.attempt, leaseToken: body.lease_token });
      await completeRun(deps, claimer, { outcome: "stopped", incarnation: null, log: NO_LOG, treeGone: true, exit: { signal: body.signal ?? null } });
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    { ...protocol, method: "post", path: "/runner/runs/{run_id}/lost", summary: "Report that an attempt's supervisor is dead and its tree is gone", params: runParams, body: lostReportSchema, response: okSchema, errors: ["unknown_runner", "run_not_found", "attempt_superseded", "duplicate_runner", "lease_token_invalid"] },
    async ({ params, body }) => {
      const claimer = await identifyClaimer(deps, params.run_id, { runnerId: body.runner_id, attempt: body.attempt, leaseToken: body.lease_token });
      await reportLoss(deps, claimer, body.instance_id, body.reason);
      return { ok: true as const };
    },
  );

  defineRoute(app, { ...protocol, method: "post", path: "/runner/heartbeat", summary: "Say that the runner lives; renews attempts that are still preparing", body: heartbeatSchema, response: heartbeatAnswerSchema, errors: ["unknown_runner", "duplicate_runner"] }, async ({ body }) =>
    await beatRunner(deps, body),
  );

  defineRoute(app, { method: "get", path: "/runners", tag: "runners", auth: "key", summary: "List runners", response: runnersSchema, errors: [] }, async ({ caller }) => ({
    runners: (await listRunners(deps.store.db, caller.projectId)).map((runner) => viewRunner(deps, runner)),
  }));

  defineRoute(app, { method: "post", path: "/runners/{runner_id}/drain", tag: "runners", auth: "key", summary: "Give the runner no more work", params: runnerParams, response: okSchema, errors: ["runner_not_found"] }, async ({ params, caller }) => {
    const runner = await findRunner(deps.store.db, params.runner_id);
    if (runner === null || runner.projectId !== caller.projectId) throw new ParallaxError("runner_not_found", `no runner ${params.runner_id}`);
    await setRunnerState(deps.store.db, runner.id, "draining");
    dispatcher.interrupt(runner.id);
    return { ok: true as const };
  });

  defineRoute(
    app,
    { method: "delete", path: "/runners/{runner_id}", tag: "runners", auth: "key", summary: "Deregister a runner; with self=true the runner says so itself on a clean exit", params: runnerParams, query: z.object({ self: z.enum(["true", "false"]).optional() }), response: z.object({ ok: z.literal(true), message: z.string(), initiated_by: z.enum(["self", "external"]) }), errors: ["runner_not_found"] },
    async ({ params, query, caller }) => {
      const bySelf = query.self === "true";
      await deregisterRunner(deps, caller.projectId, params.runner_id, bySelf);
      dispatcher.interrupt(params.runner_id);
      return { ok: true as const, message: bySelf ? "Runner deregistered" : "Runner will be told on its next poll", initiated_by: bySelf ? ("self" as const) : ("external" as const) };
    },
  );
}

function failureOutcome(outcome: string | undefined): Outcome {
  const known = OUTCOMES.find((candidate) => candidate === outcome);
  const failures: readonly Outcome[] = ["executor_error", "infra_error", "agent_error", "timeout", "idle_timeout", "usage_limited", "refused", "budget_exceeded"];
  return known !== undefined && failures.includes(known) ? known : "agent_error";
}
