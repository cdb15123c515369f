/**
 * The agent's only way to the fleet: an HTTP server on the loopback interface under an unguessable path. It adds the
 * lease token to the agent's MCP calls, so no credential is ever in the agent's environment, arguments or files.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ForwardDeps, forwardCall } from "./forward-call.ts";
import { CALL_BODY_BYTES_MAX, namesLoopback, readRequestBody } from "./read-request.ts";

export interface GatewayDeps extends ForwardDeps {
  nextCallNumber(): number;
  readonly incarnation: string;
}

export interface Gateway {
  readonly mcpUrl: string;
  close(): void;
}

const CALLS_MAX = 64;
const DELIVERED_TRIES = 3;

export async function openGateway(deps: GatewayDeps): Promise<Gateway> {
  const path = `/${randomBytes(16).toString("hex")}/mcp`;
  let calls = 0;
  const server = createServer(
    { keepAliveTimeout: 60_000, requestTimeout: 60_000, headersTimeout: 30_000 },
    (request, response) => {
      const refusal = refuse(request, path) ?? (calls >= CALLS_MAX ? ([503, "too many calls at once"] as const) : null);
      if (refusal !== null) return answerError(response, ...refusal);
      calls += 1;
      void serveCall(deps, request, response).finally(() => {
        calls -= 1;
      });
    },
  );
  // A waiting call may be silent for hours.
  server.timeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    mcpUrl: `http://127.0.0.1:${port}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function refuse(request: IncomingMessage, path: string): readonly [number, string] | null {
  if (!namesLoopback(request.headers.host)) return [403, "this address is for the agent of this host only"];
  if (request.url?.split("?", 1)[0] !== path) return [404, "not found"];
  if (request.method !== "POST") return [405, "only POST is served here"];
  return null;
}

async function serveCall(deps: GatewayDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await readRequestBody(request);
    if (body === null) return answerError(response, 413, `a call has at most ${CALL_BODY_BYTES_MAX} bytes`);
    const number = deps.nextCallNumber();
    if (await forwardCall(deps, { number, headers: request.headers, body }, response))
      await tellDelivered(deps, number);
  } catch (error) {
    deps.log.warn({ err: String(error) }, "a call of the agent failed");
    answerError(response, 500, "the gateway could not serve this call");
  }
}

/** The coordinator may now consume what the answer carried. If this is lost, the agent hears it once more. */
async function tellDelivered(deps: GatewayDeps, number: number): Promise<void> {
  const body = JSON.stringify({ incarnation: deps.incarnation, call: number });
  for (let tries = 0; tries < DELIVERED_TRIES; tries += 1) {
    const result = await deps.client.post("delivered", body);
    if (result.kind !== "retry") return;
  }
}

function answerError(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = {
    "content-type": "application/json",
    connection: "close",
    ...(status === 405 ? { allow: "POST" } : {}),
  };
  response.writeHead(status, headers);
  response.end(JSON.stringify({ jsonrpc: "2.0", error: { code: -32000, message }, id: null }));
}
