/**
 * A minimal MCP client over HTTP: initialize, then tools/call; JSON and SSE answers. It is written on node:http because the
 * official client costs more to load than the whole agent, and because fetch gives up on an answer after five minutes.
 */

import type { IncomingMessage } from "node:http";

const PROTOCOL_VERSION = "2025-06-18";
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export interface ToolAnswer {
  readonly text: string;
  readonly data: unknown;
  readonly isError: boolean;
}

export interface ToolClient {
  call(name: string, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<ToolAnswer>;
}

interface RpcAnswer {
  readonly id?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code?: number; readonly message?: string };
}

interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function createToolClient(server: Server): ToolClient {
  let nextId = 0;
  let mcpSession: string | undefined;
  let ready: Promise<void> | null = null;

  async function send(method: string, params: unknown, signal: AbortSignal, notify = false): Promise<RpcAnswer | null> {
    const id = notify ? undefined : ++nextId;
    const body = JSON.stringify({ jsonrpc: "2.0", ...(notify ? {} : { id }), method, params });
    const headers: Record<string, string> = {
      ...server.headers,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    if (method !== "initialize") headers["mcp-protocol-version"] = PROTOCOL_VERSION;
    if (mcpSession !== undefined) headers["mcp-session-id"] = mcpSession;
    const response = await post(server.url, headers, body, signal);
    const session = response.headers["mcp-session-id"];
    if (typeof session === "string") mcpSession = session;
    return readAnswer(response, id, method);
  }

  async function initialize(signal: AbortSignal): Promise<void> {
    const clientInfo = { name: "parallax-test-agent", version: "1" };
    await send("initialize", { protocolVersion: PROTOCOL_VERSION, capabilities: {}, clientInfo }, signal);
    await send("notifications/initialized", {}, signal, true);
  }

  return {
    async call(name, input, signal) {
      ready ??= initialize(signal);
      await ready;
      // The token lets the server report progress, which keeps a long call's connection busy.
      const params = { name, arguments: input, _meta: { progressToken: nextId + 1 } };
      return toolAnswer(await send("tools/call", params, signal));
    },
  };
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // loaded here: most turns call nothing
  const { request } = new URL(url).protocol === "https:" ? await import("node:https") : await import("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request(url, { method: "POST", headers, signal, agent: false }, resolve);
  call.on("error", reject);
  call.end(body);
  return promise;
}

async function readAnswer(
  response: IncomingMessage,
  id: number | undefined,
  method: string,
): Promise<RpcAnswer | null> {
  const status = response.statusCode ?? 0;
  const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true;
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > ANSWER_BYTES_MAX) throw new Error(`the answer to ${method} is too long`);
    if (!isStream || id === undefined) continue;
    const taken = takeFromStream(text, id);
    if (taken.answer !== null) return taken.answer; // leaving the loop closes the connection
    text = taken.rest;
  }
  if (status < 200 || status > 299)
    throw new Error(`${method} was answered with HTTP ${status}: ${text.slice(0, 500)}`);
  if (id === undefined) return null;
  if (isStream) throw new Error(`the stream of ${method} ended before its answer`);
  return JSON.parse(text) as RpcAnswer;
}

/** Finds the answer among complete SSE events; progress and other messages pass. */
function takeFromStream(text: string, id: number): { answer: RpcAnswer | null; rest: string } {
  const events = text.split(/\r?\n\r?\n/);
  const rest = events.pop() ?? "";
  for (const event of events) {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
    if (lines.length === 0) continue;
    const message = JSON.parse(lines.map((line) => line.slice(5)).join("\n")) as RpcAnswer;
    if (message.id === id && (message.result !== undefined || message.error !== undefined)) {
      return { answer: message, rest };
    }
  }
  return { answer: null, rest };
}

function toolAnswer(answer: RpcAnswer | null): ToolAnswer {
  if (answer?.error !== undefined) return { text: answer.error.message ?? "no message", data: null, isError: true };
  const result = answer?.result ?? {};
  const content = Array.isArray(result["content"]) ? (result["content"] as unknown[]) : [];
  const text = content
    .map((part) => (part as { type?: unknown; text?: unknown })?.text)
    .filter((part) => typeof part === "string")
    .join("\n");
  const data = result["structuredContent"] ?? parseJson(text);
  return { text, data, isError: result["isError"] === true || hasErrorField(data) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The seeds' tools answer {"error": …} without marking it as one. A failed child's answer names its session and is no error. */
function hasErrorField(data: unknown): boolean {
  return typeof data === "object" && data !== null && "error" in data && data.error != null && !("session_id" in data);
}
