import type { IncomingMessage, ServerResponse } from "node:http";

/** Of the coordinator's answer, what the agent may see. */
const RELAYED_HEADERS = ["content-type", "mcp-session-id", "cache-control"] as const;
const EVENT_END = "\n\n";
const HELD_CHARACTERS_MAX = 64 * 1024 * 1024;

/**
 * Hands an answer to the agent as it comes. Resolves true when it came to its end, false when it broke off.
 * Of an event stream only whole events are passed on, so a repeated call can continue where a broken one stopped.
 */
export async function relayAnswer(answer: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const streams = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
  try {
    return streams ? await relayEvents(answer, response) : await relayWhole(answer, response);
  } catch {
    return false;
  }
}

/** Anything but an event stream is passed on only when it is complete. */
async function relayWhole(answer: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  writeHead(answer, response);
  response.end(Buffer.concat(chunks));
  return true;
}

async function relayEvents(answer: IncomingMessage, response: ServerResponse): Promise<boolean> {
  answer.setEncoding("utf8");
  let held = "";
  for await (const text of answer as AsyncIterable<string>) {
    writeHead(answer, response);
    held += text.replaceAll("\r\n", "\n");
    if (held.length > HELD_CHARACTERS_MAX) return false;
    const end = held.lastIndexOf(EVENT_END);
    if (end === -1) continue;
    const whole = held.slice(0, end + EVENT_END.length);
    held = held.slice(whole.length);
    if (!response.write(whole)) await drained(response);
  }
  writeHead(answer, response);
  response.end(held);
  return true;
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
