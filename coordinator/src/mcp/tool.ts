import { ParallaxError } from "@parallax/shared/errors";
import { z } from "zod";
import type { Deps } from "../deps.ts";
import type { ToolAnswer } from "./answers.ts";
import type { McpCaller } from "./identify-caller.ts";

export interface ToolContext {
  readonly deps: Deps;
  readonly caller: McpCaller;
  /** The client went away: nobody would read an answer. */
  readonly signal: AbortSignal;
  /** The call's effect is durable and it only waits from here on; keeps the connection alive until the returned function is called. */
  beginWait(what: string): () => void;
}

/** A tool as the model sees it and as it is carried out. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
  readonly annotations: ToolAnnotations;
  call(context: ToolContext, given: unknown): Promise<ToolAnswer>;
}

interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint?: boolean;
}

interface ToolSpec<S extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  readonly arguments: S;
  readonly annotations: ToolAnnotations;
  readonly handle: (context: ToolContext, given: z.output<S>) => Promise<ToolAnswer>;
}

/** One declaration per tool: from it come the schema in tools/list, the check of the arguments and the handler's types. */
export function defineTool<S extends z.ZodObject>(spec: ToolSpec<S>): Tool {
  const { $schema: _dialect, ...inputSchema } = z.toJSONSchema(spec.arguments, { io: "input" });
  return {
    name: spec.name,
    description: spec.description,
    inputSchema,
    annotations: spec.annotations,
    call: async (context, given) => await spec.handle(context, readArguments(spec, given)),
  };
}

function readArguments<S extends z.ZodObject>(spec: ToolSpec<S>, given: unknown): z.output<S> {
  const result = spec.arguments.safeParse(withoutNulls(given ?? {}));
  if (result.success) return result.data;
  throw invalidArguments(result.error, `the tool list describes the arguments of ${spec.name}`);
}

export function invalidArguments(error: z.ZodError, hint: string): ParallaxError {
  const issues = error.issues
    .slice(0, 20)
    .map((issue) => ({ path: issue.path.map(String).join("."), message: issue.message }));
  const words = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return new ParallaxError("invalid_request", words[0] ?? "invalid arguments", { hint, details: { issues } });
}

/** Some models write null for what they leave out. */
function withoutNulls(given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}
