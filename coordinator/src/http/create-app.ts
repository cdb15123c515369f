import { OpenAPIHono } from "@hono/zod-openapi";
import { ParallaxError } from "@parallax/shared/errors";
import { z } from "zod";
import { proveAttempt } from "../auth/identify-claimer.ts";
import type { Deps } from "../deps.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { createMcpRoutes } from "../mcp/create-mcp-routes.ts";
import { answerError } from "./answer-error.ts";
import { type App, type AppEnvironment, defineRoute } from "./define-route.ts";
import { bearerOf, checkHost, type GuardOptions, requireKey } from "./guard.ts";
import { addAgentRoutes } from "./routes/agents.ts";
import { addAttemptRoutes } from "./routes/attempts.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addReportRoutes } from "./routes/reports.ts";
import { addRunnerRoutes } from "./routes/runner.ts";
import { addRunRoutes } from "./routes/runs.ts";
import { addSessionRoutes } from "./routes/sessions.ts";

export interface AppOptions extends GuardOptions {
  readonly version: string;
}

const OPEN = new Set(["/health"]);

/** The whole HTTP surface. Order: host check, who is asking, then the routes. */
export function createApp(deps: Deps, dispatcher: Dispatcher, options: AppOptions): App {
  const app: App = new OpenAPIHono<AppEnvironment>();
  app.onError((error, context) => answerError(deps.logger, error, context));
  app.notFound((context) =>
    answerError(
      deps.logger,
      new ParallaxError("not_found", `no route ${context.req.method} ${context.req.path.slice(0, 200)}`, {
        hint: "GET /openapi.json lists them",
      }),
      context,
    ),
  );
  app.use(checkHost(options));

  const withKey = requireKey(options);
  app.use("/runner/runs/:run_id/attempts/:attempt/*", async (context, next) => {
    const token = bearerOf(context.req.header("authorization"));
    if (token === null) throw new ParallaxError("lease_token_invalid", "a lease token is needed");
    const attempt = Number(context.req.param("attempt"));
    await proveAttempt(deps, token, context.req.param("run_id"), Number.isSafeInteger(attempt) ? attempt : -1);
    context.set("caller", { projectId: "" });
    await next();
  });
  app.use(async (context, next) => {
    const { path } = context.req;
    const byToken = path === "/mcp" || /^\/runner\/runs\/[^/]+\/attempts\//.test(path);
    if (OPEN.has(path) || byToken) return await next();
    return await withKey(context, next);
  });

  addHealthRoutes(app, deps);
  addRunRoutes(app, deps);
  addEventRoutes(app, deps);
  addSessionRoutes(app, deps);
  addAgentRoutes(app, deps);
  addRunnerRoutes(app, deps, dispatcher);
  addReportRoutes(app, deps);
  addAttemptRoutes(app, deps);
  app.route("/mcp", createMcpRoutes(deps, options));
  addOpenApi(app, options.version);
  return app;
}

function addHealthRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/health",
      tag: "health",
      auth: "none",
      summary: "The process answers",
      response: z.object({ status: z.literal("healthy") }),
      errors: [],
    },
    async () => ({ status: "healthy" as const }),
  );
  defineRoute(
    app,
    {
      method: "get",
      path: "/ready",
      tag: "health",
      auth: "key",
      summary: "Requests can be carried out: the database answers",
      response: z.object({ status: z.literal("ready") }),
      errors: ["store_unavailable"],
    },
    async () => {
      await deps.store.ping();
      return { status: "ready" as const };
    },
  );
}

function addOpenApi(app: App, version: string): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "The admin key of the data directory.",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "leaseToken", {
    type: "http",
    scheme: "bearer",
    description: "The lease token of the attempt in the path.",
  });
  let document: object | null = null;
  app.get("/openapi.json", (context) => {
    document ??= app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Parallax", version, description: "A self-hosted fleet for coding agents." },
    });
    return context.json(document);
  });
}
