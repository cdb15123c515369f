/**
 * Serves one POST of the MCP endpoint with a server and a transport of its own: nothing is kept between requests, so any coordinator
 * answers any of them. Short calls are answered as JSON; a call that may wait gets an event stream that is kept alive.
 */
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ServerNotification,
} from "@modelcontextprotocol/sdk/types.js";
import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { readJsonBody } from "../http/read-json-body.ts";
import { errorAnswer, type ToolAnswer } from "./answers.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { McpCaller } from "./identify-caller.ts";
import { isPassing } from "./passing-failure.ts";
import type { Tool } from "./tool.ts";
import { mayWait, TOOLS } from "./tools.ts";

export interface ServeOptions {
  readonly version: string;
  /** Pause between signs of life on a waiting call; below the idle limits of clients and proxies. */
  readonly keepAliveMs?: number;
}

const KEEP_ALIVE_MS = 15_000;
const INSTRUCTIONS =
  "Start other agents with start_agent_session, several at once if you like. For work that takes long use mode async_callback, then end your turn: you are resumed with the results. Each agent has a session that remembers; resume_agent_session goes on with it.";

export async function serveMessage(
  deps: Deps,
  options: ServeOptions,
  caller: McpCaller,
  request: Request,
): Promise<Response> {
  const message = await readJsonBody(request, false);
  if (Array.isArray(message))
    throw new ParallaxError("invalid_request", "batches of JSON-RPC messages are not served", {
      hint: "send one message in a POST",
    });
  const progress = trackProgress();
  const streams = startsWaitingCall(message);
  const keepAliveMs = options.keepAliveMs ?? KEEP_ALIVE_MS;
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !streams, keepAliveMs });
  const server = createServer(deps, options.version, caller, progress, keepAliveMs);
  server.onerror = (error) => deps.logger.debug({ err: error }, "mcp message not served");
  // the transport's accessors are typed without exactOptionalPropertyTypes
  await server.connect(transport as Transport);
  request.signal.addEventListener("abort", () => void server.close(), { once: true });
  const response = await Promise.race([transport.handleRequest(request, { parsedBody: message }), progress.failed]);
  // until its effect is durable a call can still fail as a whole, and then the gateway repeats it
  if (streams && response.status === 200) await Promise.race([progress.begun, progress.failed]);
  return response;
}

function startsWaitingCall(message: unknown): boolean {
  const call = CallToolRequestSchema.safeParse(message);
  return (
    call.success &&
    typeof message === "object" &&
    message !== null &&
    "id" in message &&
    mayWait(call.data.params.name, call.data.params.arguments)
  );
}

interface Progress {
  readonly begun: Promise<void>;
  readonly failed: Promise<never>;
  begin(): void;
  fail(error: unknown): void;
}

function trackProgress(): Progress {
  const begun = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  return { begun: begun.promise, failed: failed.promise, begin: begun.resolve, fail: failed.reject };
}

function createServer(deps: Deps, version: string, caller: McpCaller, progress: Progress, keepAliveMs: number): Server {
  const server = new Server(
    { name: "parallax", title: "Parallax", version },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: TOOLS.map(({ name, description, inputSchema, annotations }) => ({
      name,
      description,
      inputSchema: { ...inputSchema, type: "object" as const },
      annotations,
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    const tool = TOOLS.find((candidate) => candidate.name === params.name);
    if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, `no tool '${params.name.slice(0, 100)}'`);
    const beginWait = (what: string) => {
      progress.begin();
      return startHeartbeat({
        everyMs: keepAliveMs,
        token: params._meta?.progressToken,
        message: what,
        send: (notification: ServerNotification) => extra.sendNotification(notification),
      });
    };
    try {
      return written(await callTool({ deps, caller, signal: extra.signal, beginWait }, tool, params.arguments));
    } catch (error) {
      progress.fail(error);
      throw error;
    } finally {
      progress.begin();
    }
  });
  return server;
}

/** What is wrong with a call is told to the model; what may be right a moment later fails the request, and the gateway repeats it. */
async function callTool(context: Parameters<Tool["call"]>[0], tool: Tool, given: unknown): Promise<ToolAnswer> {
  try {
    return await tool.call(context, given);
  } catch (error) {
    if (isPassing(error)) throw error;
    if (isParallaxError(error)) return errorAnswer(error);
    context.deps.logger.error({ err: error, tool: tool.name }, "mcp tool failed");
    return errorAnswer(
      new ParallaxError("internal", "something went wrong in the coordinator; its log has the details"),
    );
  }
}

function written(answer: ToolAnswer): CallToolResult {
  const texts = [JSON.stringify(answer.document), ...(answer.note === undefined ? [] : [answer.note])];
  return {
    content: texts.map((text) => ({ type: "text" as const, text })),
    ...(answer.isError ? { isError: true } : {}),
  };
}
