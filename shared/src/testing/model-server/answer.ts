/** The routes of the Messages API: which document or stream answers a request. */
import type { ServerResponse } from "node:http";
import { messagesRequestSchema, readConversation } from "./conversation.ts";
import { planReply } from "./plan-reply.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { ScriptItem } from "./script.ts";
import { writeReply } from "./write-reply.ts";

/** One request on its way to an answer. */
export interface Exchange {
  readonly entry: LoggedRequest;
  readonly response: ServerResponse;
  readonly requestBytes: number;
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal;
  /** Breaks the connection. */
  readonly drop: () => void;
  /** How often each step of each session was asked; only `first_n` looks at it. */
  readonly asked: Map<string, number>;
}

export async function answer(exchange: Exchange): Promise<void> {
  const { entry, response, requestBytes } = exchange;
  const path = entry.path.split("?")[0];
  if (entry.method === "HEAD") return sendJson(response, 200, {});
  if (entry.method === "GET" && path === "/v1/models") return sendJson(response, 200, { data: [], has_more: false });
  if (entry.method === "POST" && path === "/v1/messages") return answerMessages(exchange);
  if (entry.method === "POST" && path === "/v1/messages/count_tokens") {
    return sendJson(response, 200, { input_tokens: Math.ceil(requestBytes / 4) });
  }
  sendError(response, 404, "not_found_error", "no such route");
}

async function answerMessages(exchange: Exchange): Promise<void> {
  const { entry, response } = exchange;
  const parsed = messagesRequestSchema.safeParse(entry.body);
  if (!parsed.success) return sendError(response, 400, "invalid_request_error", parsed.error.message);
  const request = parsed.data;
  let items: readonly ScriptItem[];
  try {
    const plan = planReply(request, readConversation(request));
    items = withoutPassedErrors(plan.items, countAsked(exchange.asked, `${entry.sessionHeader}/${plan.stepKey}`));
  } catch (cause) {
    return sendError(
      response,
      400,
      "invalid_request_error",
      `broken script: ${cause instanceof Error ? cause.message : "unknown"}`,
    );
  }
  const failure = items.find((item) => "error" in item);
  if (failure !== undefined && "error" in failure) {
    const { status, type, message, retry_after_seconds: retryAfter } = failure.error;
    if (retryAfter !== undefined) response.setHeader("retry-after", String(retryAfter));
    return sendError(response, status, type ?? errorTypeOf(status), message ?? `scripted error ${status}`);
  }
  entry.usage = await writeReply(items, {
    response,
    model: request.model,
    stream: request.stream,
    requestNumber: entry.number,
    requestBytes: exchange.requestBytes,
    signal: exchange.signal,
    drop: exchange.drop,
  });
}

function countAsked(asked: Map<string, number>, key: string): number {
  const count = (asked.get(key) ?? 0) + 1;
  asked.set(key, count);
  return count;
}

function withoutPassedErrors(items: readonly ScriptItem[], asked: number): readonly ScriptItem[] {
  return items.filter((item) => !("error" in item) || item.error.first_n === undefined || asked <= item.error.first_n);
}

function errorTypeOf(status: number): string {
  const types: Readonly<Record<number, string>> = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
  };
  return types[status] ?? "api_error";
}

function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  sendJson(response, status, { type: "error", error: { type, message } });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
