import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject } from "../../http/classify-answer.ts";

/** Of the coordinator's answer, what the agent may see. */
const RELAYED_HEADERS = ["content-type", "mcp-session-id", "cache-control"] as const;
const EVENT_END = "\n\n";
const HELD_CHARACTERS_MAX = 64 * 1024 * 1024;

/** The ids of a call's requests; none for a notification, which needs no answer beyond a status. */
export function requestIdsOf(body: Buffer): ReadonlySet<unknown> {
  const messages = [parseJson(body.toString("utf8"))].flat();
  return new Set(
    messages.filter((one) => isObject(one) && "method" in one && "id" in one).map((one) => (one as { id: unknown }).id),
  );
}

/**
 * Hands an answer to the agent as it comes. Resolves true when it was complete, false when it broke off and has to be asked for
 * again. Of an event stream only whole events are passed on, so that a repeated call continues where the broken one stopped; the
 * stream is complete when every request in `unanswered` has its response, not when a server that is shutting down closes it.
 */
export async function relayAnswer(
  answer: IncomingMessage,
  response: ServerResponse,
  unanswered: Set<unknown>,
): Promise<boolean> {
  const streams = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
  try {
    return streams ? await relayEvents(answer, response, unanswered) : await relayWhole(answer, response);
  } catch {
    return false;
  }
}

/** Anything but an event stream is passed on only when it is complete. */
async function relayWhole(answer: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!response.headersSent) {
    writeHead(answer, response);
    response.end(body);
  } else if (answer.statusCode === 200) {
    // The first try was answered with a stream; the agent reads its answer there.
    response.end(`event: message\ndata: ${body.toString("utf8").replaceAll("\n", " ")}${EVENT_END}`);
  } else {
    response.destroy();
  }
  return true;
}

async function relayEvents(
  answer: IncomingMessage,
  response: ServerResponse,
  unanswered: Set<unknown>,
): Promise<boolean> {
  answer.setEncoding("utf8");
  writeHead(answer, response);
  let held = "";
  for await (const text of answer as AsyncIterable<string>) {
    held += text.replaceAll("\r\n", "\n");
    if (held.length > HELD_CHARACTERS_MAX) return false;
    const end = held.lastIndexOf(EVENT_END);
    if (end === -1) continue;
    const whole = held.slice(0, end + EVENT_END.length);
    held = held.slice(whole.length);
    for (const event of whole.split(EVENT_END)) noteResponses(event, unanswered);
    if (!response.write(whole)) await drained(response);
  }
  if (unanswered.size > 0) return false;
  response.end(held);
  return true;
}

function noteResponses(event: string, unanswered: Set<unknown>): void {
  const lines = event.split("\n").filter((line) => line.startsWith("data:"));
  for (const message of [parseJson(lines.map((line) => line.slice(5)).join("\n"))].flat()) {
    if (isObject(message) && ("result" in message || "error" in message)) unanswered.delete(message["id"]);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function writeHead(answer: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent) return;
  const headers: Record<string, string> = {};
  for (const name of RELAYED_HEADERS) {
    const value = answer.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve);
    response.once("close", resolve);
  });
}
