/**
 * One declaration per route: what it does, what it takes, what it answers. From it come validation, the handler's types and
 * /openapi.json, so that none of them can differ.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { ERROR_TABLE, type ErrorCode, ParallaxError } from "@parallax/shared/errors";
import { errorBodySchema } from "@parallax/shared/protocol/common";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { z } from "zod";
import { readJsonBody } from "./read-json-body.ts";

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;

/** Who may call. `key`: a bearer key; `attempt`: the lease token of the attempt in the path; `none`: anybody who reaches the port. */
type RouteAuth = "key" | "attempt" | "none";

interface Caller {
  readonly projectId: string;
}

export interface RouteSpec<P, Q, B, R> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** OpenAPI spelling: /runs/{run_id} */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly auth: RouteAuth;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** An absent body counts as {}. */
  readonly bodyOptional?: boolean;
  readonly response: R;
  readonly status?: ContentfulStatusCode;
  /** Also answers 204 with no body. */
  readonly mayBeEmpty?: boolean;
  /** Content type of a handler that answers by itself (streams). */
  readonly streams?: string;
  readonly errors: readonly ErrorCode[];
}

export interface RouteInput<P, Q, B> {
  readonly params: Out<P>;
  readonly query: Out<Q>;
  readonly body: Out<B>;
  readonly caller: Caller;
  readonly context: Context;
}

export type AppEnvironment = { Variables: { caller: Caller } };
export type App = OpenAPIHono<AppEnvironment>;

export function defineRoute<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
  R extends Schema,
>(app: App, spec: RouteSpec<P, Q, B, R>, handle: (input: RouteInput<P, Q, B>) => Promise<z.input<R> | Response>): void {
  document(app, spec);
  const path = spec.path.replaceAll(/\{([a-z_]+)\}/g, ":$1");
  app.on(spec.method, [path], async (context) => {
    const params = parse(spec.params, context.req.param(), "path");
    const query = parse(spec.query, context.req.query(), "query");
    const body =
      spec.body === undefined
        ? undefined
        : parse(spec.body, await readJsonBody(context.req.raw, spec.bodyOptional === true), "body");
    const caller = context.get("caller");
    const answer = await handle({
      params: params as Out<P>,
      query: query as Out<Q>,
      body: body as Out<B>,
      caller,
      context,
    });
    if (answer instanceof Response) return answer;
    return context.json(answer as object, spec.status ?? 200);
  });
}

function parse(schema: Schema | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  // bodies are checked where they are read; Postgres cannot hold NUL, and must not be asked to
  if (where !== "body" && Object.values(value as Record<string, string>).some((text) => text.includes("\u0000"))) {
    throw new ParallaxError("invalid_request", `${where}: must not contain NUL`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 20).map((issue) => ({
    path: `${where}${issue.path.map((part) => `.${String(part)}`).join("")}`,
    message: issue.message,
  }));
  const first = issues[0];
  throw new ParallaxError(
    "invalid_request",
    first === undefined ? `invalid ${where}` : `${first.path}: ${first.message}`,
    { details: { issues }, hint: "GET /openapi.json describes every field" },
  );
}

function document<P, Q, B, R>(app: App, spec: RouteSpec<P, Q, B, R>): void {
  const statuses = new Map<number, ErrorCode[]>();
  for (const code of spec.errors) {
    const status = ERROR_TABLE[code].status;
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  const errors = Object.fromEntries(
    [...statuses].map(([status, codes]) => [
      status,
      { description: codes.join(", "), content: { "application/json": { schema: errorBodySchema } } },
    ]),
  );
  const request: Record<string, unknown> = {};
  if (spec.params !== undefined) request["params"] = spec.params;
  if (spec.query !== undefined) request["query"] = spec.query;
  if (spec.body !== undefined)
    request["body"] = { required: spec.bodyOptional !== true, content: { "application/json": { schema: spec.body } } };
  app.openAPIRegistry.registerPath({
    method: spec.method,
    path: spec.path,
    summary: spec.summary,
    ...(spec.description === undefined ? {} : { description: spec.description }),
    tags: [spec.tag],
    ...(spec.auth === "none" ? {} : { security: [{ [spec.auth === "key" ? "key" : "leaseToken"]: [] }] }),
    request: request as never,
    responses: {
      [spec.status ?? 200]: {
        description: "Done.",
        content: { [spec.streams ?? "application/json"]: { schema: spec.response as never } },
      },
      ...(spec.mayBeEmpty === true ? { 204: { description: "Nothing now." } } : {}),
      ...errors,
    },
  });
}
