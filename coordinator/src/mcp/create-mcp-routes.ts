import { ParallaxError } from "@parallax/shared/errors";
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { answerError } from "../http/answer-error.ts";
import type { AppEnvironment } from "../http/define-route.ts";
import { bearerOf, type GuardOptions, requireKey } from "../http/guard.ts";
import { identifyAgent, isLeaseToken } from "./identify-caller.ts";
import { type ServeOptions, serveMessage } from "./serve-message.ts";

export type McpOptions = GuardOptions & ServeOptions;

/** The MCP endpoint (Streamable HTTP, no sessions). It identifies its callers itself: an attempt by its lease token, a person by a key. */
export function createMcpRoutes(deps: Deps, options: McpOptions): Hono<AppEnvironment> {
  const routes = new Hono<AppEnvironment>();
  const withKey = requireKey(options);
  routes.onError((error, context) => answerError(deps.logger, error, context));
  routes.post("/", async (context, next) => {
    const bearer = bearerOf(context.req.header("authorization"));
    if (!isLeaseToken(bearer)) return await withKey(context, next);
    return await serveMessage(
      deps,
      options,
      await identifyAgent(deps, bearer, context.req.raw.headers),
      context.req.raw,
    );
  });
  routes.post(
    "/",
    async (context) =>
      await serveMessage(
        deps,
        options,
        { kind: "person", projectId: context.get("caller").projectId },
        context.req.raw,
      ),
  );
  // no stream of the server's own and no session to end: clients take 405 as that
  routes.all("/", (context) => {
    context.header("allow", "POST");
    throw new ParallaxError("method_not_allowed", `only POST is served here, not ${context.req.method}`);
  });
  return routes;
}
