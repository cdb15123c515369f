import { ParallaxError } from "@parallax/shared/errors";
import { idSchema, okSchema } from "@parallax/shared/protocol/common";
import {
  heartbeatAnswerSchema,
  heartbeatSchema,
  pollAnswerSchema,
  pollQuerySchema,
  registeredRunnerSchema,
  registerRunnerSchema,
  runnersSchema,
} from "@parallax/shared/protocol/runners";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import type { Dispatcher } from "../../dispatch/dispatcher.ts";
import { beatRunner } from "../../runners/beat-runner.ts";
import { deregisterRunner } from "../../runners/deregister-runner.ts";
import { pollRuns } from "../../runners/poll-runs.ts";
import { registerRunner } from "../../runners/register-runner.ts";
import { viewRunner } from "../../runners/view-runner.ts";
import { findRunner, listRunners, setRunnerState } from "../../store/runners.ts";
import { type App, defineRoute } from "../define-route.ts";

const runnerParams = z.object({ runner_id: idSchema });
const protocol = { tag: "runner protocol", auth: "key" } as const;

export function addRunnerRoutes(app: App, deps: Deps, dispatcher: Dispatcher): void {
  addPresenceRoutes(app, deps, dispatcher);
  addHeartbeatRoute(app, deps);
  addFleetRoutes(app, deps, dispatcher);
}

function addPresenceRoutes(app: App, deps: Deps, dispatcher: Dispatcher): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/register",
      summary: "Register a runner, or come back as one",
      body: registerRunnerSchema,
      response: registeredRunnerSchema,
      errors: ["invalid_request", "duplicate_runner"],
    },
    async ({ body, caller }) => {
      const runner = await registerRunner(deps, caller.projectId, body);
      return {
        runner_id: runner.id,
        poll_endpoint: "/runner/runs",
        poll_timeout_seconds: deps.limits.pollHoldMs / 1000,
        heartbeat_interval_seconds: deps.limits.heartbeatIntervalMs / 1000,
      };
    },
  );

  defineRoute(
    app,
    {
      ...protocol,
      method: "get",
      path: "/runner/runs",
      summary: "Long poll for work",
      query: pollQuerySchema,
      response: pollAnswerSchema,
      mayBeEmpty: true,
      errors: ["unknown_runner", "invalid_request"],
    },
    async ({ query, context }) => {
      const answer = await pollRuns(deps, dispatcher, query, context.req.raw.signal);
      return answer === null ? context.body(null, 204) : answer;
    },
  );
}

function addHeartbeatRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...protocol,
      method: "post",
      path: "/runner/heartbeat",
      summary: "Say that the runner lives; renews attempts that are still preparing",
      body: heartbeatSchema,
      response: heartbeatAnswerSchema,
      errors: ["unknown_runner", "duplicate_runner"],
    },
    async ({ body }) => await beatRunner(deps, body),
  );
}

function addFleetRoutes(app: App, deps: Deps, dispatcher: Dispatcher): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/runners",
      tag: "runners",
      auth: "key",
      summary: "List runners",
      response: runnersSchema,
      errors: [],
    },
    async ({ caller }) => ({
      runners: (await listRunners(deps.store.db, caller.projectId)).map((runner) => viewRunner(deps, runner)),
    }),
  );

  defineRoute(
    app,
    {
      method: "post",
      path: "/runners/{runner_id}/drain",
      tag: "runners",
      auth: "key",
      summary: "Give the runner no more work",
      params: runnerParams,
      response: okSchema,
      errors: ["runner_not_found"],
    },
    async ({ params, caller }) => {
      const runner = await findRunner(deps.store.db, params.runner_id);
      if (runner === null || runner.projectId !== caller.projectId)
        throw new ParallaxError("runner_not_found", `no runner ${params.runner_id}`);
      await setRunnerState(deps.store.db, runner.id, "draining");
      dispatcher.interrupt(runner.id);
      return { ok: true as const };
    },
  );

  defineRoute(
    app,
    {
      method: "delete",
      path: "/runners/{runner_id}",
      tag: "runners",
      auth: "key",
      summary: "Deregister a runner; with self=true the runner says so itself on a clean exit",
      params: runnerParams,
      query: z.object({ self: z.enum(["true", "false"]).optional() }),
      response: z.object({ ok: z.literal(true), message: z.string(), initiated_by: z.enum(["self", "external"]) }),
      errors: ["runner_not_found"],
    },
    async ({ params, query, caller }) => {
      const bySelf = query.self === "true";
      await deregisterRunner(deps, caller.projectId, params.runner_id, bySelf);
      dispatcher.interrupt(params.runner_id);
      return {
        ok: true as const,
        message: bySelf ? "Runner deregistered" : "Runner will be told on its next poll",
        initiated_by: bySelf ? ("self" as const) : ("external" as const),
      };
    },
  );
}
