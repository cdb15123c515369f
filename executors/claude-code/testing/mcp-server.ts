/** A small MCP server over HTTP, as an agent sees the fleet's gateway. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

interface ToolCall {
  readonly tool: string;
  readonly input: unknown;
  readonly authorization: string | null;
}

export interface McpServer {
  readonly url: string;
  readonly calls: readonly ToolCall[];
}

interface RpcRequest {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: unknown; readonly protocolVersion?: string };
}

/** Offers the one tool `start_agent_session`, which answers with what it was given. */
export async function startMcpServer(): Promise<McpServer> {
  const calls: ToolCall[] = [];
  const server = createServer((request, response) => {
    answer(request, response, calls).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp/unguessable`, calls };
}

async function answer(request: IncomingMessage, response: ServerResponse, calls: ToolCall[]): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  const text = Buffer.concat(parts).toString("utf8");
  const rpc = (text === "" ? {} : JSON.parse(text)) as RpcRequest;
  if (request.method !== "POST" || rpc.id === undefined) {
    response.writeHead(request.method === "POST" ? 202 : 405).end();
    return;
  }
  if (rpc.method === "tools/call") {
    const authorization = request.headers.authorization ?? null;
    calls.push({ tool: rpc.params?.name ?? "", input: rpc.params?.arguments, authorization });
  }
  const result = resultOf(rpc);
  response.writeHead(result === null ? 400 : 200, { "content-type": "application/json" });
  const body = result === null ? { error: { code: -32601, message: "no such method" } } : { result };
  response.end(JSON.stringify({ jsonrpc: "2.0", id: rpc.id, ...body }));
}

function resultOf(rpc: RpcRequest): object | null {
  switch (rpc.method) {
    case "initialize":
      return {
        protocolVersion: rpc.params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "test", version: "1" },
      };
    case "tools/list":
      return {
        tools: [{ name: "start_agent_session", description: "Starts a child", inputSchema: { type: "object" } }],
      };
    case "tools/call":
      return { content: [{ type: "text", text: `started ${JSON.stringify(rpc.params?.arguments)}` }] };
    default:
      return null;
  }
}
