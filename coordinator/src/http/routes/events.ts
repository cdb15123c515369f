import { ParallaxError } from "@parallax/shared/errors";
import { runEventsPageSchema } from "@parallax/shared/protocol/events";
import { eventsQuerySchema } from "@parallax/shared/protocol/runs";
import type { Context } from "hono";
import { z } from "zod";
import type { Deps } from "../../deps.ts";
import { readEventsPage, viewEvent } from "../../events/read-events.ts";
import { streamEvents } from "../../events/stream-events.ts";
import { streamLog } from "../../events/stream-log.ts";
import { type App, defineRoute } from "../define-route.ts";
import { requireRun, runParams } from "./runs.ts";

export function addEventRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/runs/{run_id}/events",
      tag: "events",
      auth: "key",
      summary: "Read a run's events by cursor",
      params: runParams,
      query: eventsQuerySchema,
      response: runEventsPageSchema,
      errors: ["run_not_found", "invalid_request"],
    },
    async ({ params, query, caller }) => {
      const run = await requireRun(deps, caller.projectId, params.run_id);
      const page = await readEventsPage(deps, run.id, query.after ?? 0, query.limit ?? 500);
      return {
        events: page.events.map((event) => viewEvent(run, event)),
        next_after: page.nextAfter,
        sealed: page.sealed,
      };
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
      description:
        "The id of each message is its seq; Last-Event-ID (or ?after=) goes on behind it. The stream ends after log_sealed.",
      params: runParams,
      query: eventsQuerySchema,
      response: z.string(),
      streams: "text/event-stream",
      errors: ["run_not_found", "invalid_request"],
    },
    async ({ params, query, caller, context }) => {
      const run = await requireRun(deps, caller.projectId, params.run_id);
      return streamEvents(deps, run, readLastEventId(context) ?? query.after ?? 0, context.req.raw.signal);
    },
  );

  defineRoute(
    app,
    {
      method: "get",
      path: "/runs/{run_id}/log",
      tag: "events",
      auth: "key",
      summary: "Read what the agent said as plain text",
      params: runParams,
      response: z.string(),
      streams: "text/plain",
      errors: ["run_not_found"],
    },
    async ({ params, caller }) => streamLog(deps, await requireRun(deps, caller.projectId, params.run_id)),
  );
}

function readLastEventId(context: Context): number | null {
  const header = context.req.header("last-event-id");
  if (header === undefined || header === "") return null;
  const seq = Number(header);
  if (!Number.isSafeInteger(seq) || seq < 0 || seq > 2_147_483_647)
    throw new ParallaxError("invalid_request", "Last-Event-ID: not a seq");
  return seq;
}
