/** A scripted model behind a real socket: the far end for tests that run real agent CLIs. It speaks the Messages API on loopback. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answer } from "./answer.ts";
import type { LoggedRequest, LogListener } from "./request-log.ts";
import { RequestLog } from "./request-log.ts";

const BODY_BYTES_MAX = 64 * 1024 * 1024;

export interface ModelServerOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Told of every request when it arrives and when it ends. */
  readonly onRequest?: LogListener;
}

export interface ModelServer {
  /** For ANTHROPIC_BASE_URL. */
  readonly url: string;
  /** Every request so far, in order; entries are filled as they go on. */
  readonly requests: readonly LoggedRequest[];
  waitForRequest(
    predicate: (entry: LoggedRequest) => boolean,
    options: { readonly timeoutMs: number },
  ): Promise<LoggedRequest>;
  close(): Promise<void>;
}

interface ServerState {
  readonly log: RequestLog;
  readonly asked: Map<string, number>;
  readonly closing: AbortController;
}

export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const state: ServerState = {
    log: new RequestLog(options.onRequest),
    asked: new Map(),
    closing: new AbortController(),
  };
  const server = createServer((request, response) => {
    handle(state, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: state.log.entries,
    waitForRequest: (predicate, { timeoutMs }) => state.log.waitFor(predicate, timeoutMs),
    close: async () => {
      state.closing.abort(new Error("the model server closes"));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(state: ServerState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readBody(request);
  const entry: LoggedRequest = {
    number: state.log.entries.length + 1,
    method: request.method ?? "",
    path: request.url ?? "",
    sessionHeader: headerOf(request, "x-claude-code-session-id"),
    auth: headerOf(request, "x-api-key") ?? headerOf(request, "authorization"),
    body: parseBody(text),
    at: new Date().toISOString(),
    status: null,
    usage: null,
    clientAborted: false,
    done: false,
  };
  const gone = new AbortController();
  let dropped = false;
  response.once("close", () => {
    entry.status = response.headersSent ? response.statusCode : null;
    state.log.end(entry, !response.writableFinished && !dropped && !state.closing.signal.aborted);
    gone.abort(new Error("the client went away"));
  });
  state.log.add(entry);
  await answer({
    entry,
    response,
    requestBytes: text.length,
    signal: AbortSignal.any([gone.signal, state.closing.signal]),
    drop: () => {
      dropped = true;
      response.destroy();
    },
    asked: state.asked,
  });
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}

function parseBody(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("the request is too large");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
