import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { type CallToolResult, CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { CALL_HEADER, INCARNATION_HEADER } from "@parallax/shared/protocol/attempts";
import { Hono } from "hono";
import type { Deps } from "../../deps.ts";
import type { AppEnvironment } from "../../http/define-route.ts";
import type { LiveAttempt } from "../../testing/drive.ts";
import { createMcpRoutes } from "../create-mcp-routes.ts";

export const ADMIN_KEY = "plx_key-of-the-tests";

export interface ServedMcp {
  readonly url: string;
  close(): Promise<void>;
}

/** The endpoint behind a real socket. */
export async function serveMcp(deps: Deps, keepAliveMs?: number): Promise<ServedMcp> {
  const app = new Hono<AppEnvironment>();
  app.route(
    "/mcp",
    createMcpRoutes(deps, {
      adminKey: ADMIN_KEY,
      allowedHosts: ["localhost"],
      version: "0.0.0",
      ...(keepAliveMs === undefined ? {} : { keepAliveMs }),
    }),
  );
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

interface Answer {
  readonly isError: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of the document
  readonly document: any;
  readonly note: string | undefined;
}

export interface McpUser {
  readonly client: Client;
  /** Under the next number, or as a repeat under a given one. */
  call(tool: string, given?: Record<string, unknown>, number?: number): Promise<Answer>;
  close(): Promise<void>;
}

export function agentHeaders(live: LiveAttempt): Record<string, string> {
  return { authorization: `Bearer ${live.offer.lease_token}`, [INCARNATION_HEADER]: live.incarnation };
}

/** The SDK's own client as an agent has it behind its gateway, which numbers each POST. */
export async function connectAgent(served: ServedMcp, live: LiveAttempt, firstNumber = 1): Promise<McpUser> {
  return await connect(served, agentHeaders(live), firstNumber);
}

export async function connectPerson(served: ServedMcp): Promise<McpUser> {
  return await connect(served, { authorization: `Bearer ${ADMIN_KEY}` }, null);
}

async function connect(
  served: ServedMcp,
  headers: Record<string, string>,
  firstNumber: number | null,
): Promise<McpUser> {
  let next = firstNumber ?? 0;
  // the client sends its calls in their order
  const repeated: (number | undefined)[] = [];
  const transport = new StreamableHTTPClientTransport(new URL(served.url), {
    requestInit: { headers },
    fetch: async (url, init) => {
      const own = new Headers(init?.headers);
      const isCall = typeof init?.body === "string" && init.body.includes('"tools/call"');
      const number = (isCall ? repeated.shift() : undefined) ?? next++;
      if (firstNumber !== null) own.set(CALL_HEADER, String(number));
      return await fetch(url, { ...init, headers: own });
    },
  });
  const client = new Client({ name: "test", version: "0" });
  await client.connect(transport as Transport);
  return {
    client,
    call: async (tool, given = {}, number) => {
      repeated.push(number);
      return read((await client.callTool({ name: tool, arguments: given }, CallToolResultSchema)) as CallToolResult);
    },
    close: async () => await client.close(),
  };
}

function read(result: CallToolResult): Answer {
  const texts = result.content.map((part) => (part.type === "text" ? part.text : ""));
  return { isError: result.isError === true, document: JSON.parse(texts[0] ?? "null"), note: texts[1] };
}

/** One POST by hand, for what the client would not send. */
export async function post(
  served: ServedMcp,
  headers: Record<string, string>,
  message: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  return await fetch(served.url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify(message),
    ...(signal === undefined ? {} : { signal }),
  });
}

export function toolCall(tool: string, given: Record<string, unknown>): Record<string, unknown> {
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: given } };
}
