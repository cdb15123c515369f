import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createBackoff, pause } from "../../http/backoff.ts";
import type { HttpClient } from "../../http/http-client.ts";
import type { AttemptClient } from "../attempt-client.ts";
import type { AttemptLog } from "../attempt-log.ts";
import { relayAnswer, requestIdsOf } from "./relay-answer.ts";

export interface ForwardDeps {
  readonly http: HttpClient;
  readonly client: AttemptClient;
  readonly log: AttemptLog;
}

/** Of the agent's request, what the coordinator may see; whatever it sends as authorization is not among it. */
const FORWARDED_HEADERS = [
  "accept",
  "content-type",
  "mcp-protocol-version",
  "mcp-session-id",
  "last-event-id",
] as const;
const REPEATED_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Repeats one call under its number until it is answered: the coordinator recognises the number, so a repeat after a lost
 * answer is the same call and not a second child. Resolves true when the agent has got the whole answer.
 */
export async function forwardCall(
  deps: ForwardDeps,
  call: { readonly number: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer },
  response: ServerResponse,
): Promise<boolean> {
  const agentGone = new AbortController();
  response.once("close", () => agentGone.abort());
  const headers = { ...pickHeaders(call.headers), ...deps.client.mcpHeaders(call.number) };
  const backoff = createBackoff({ firstMs: 250, maxMs: 5_000 });
  const unanswered = new Set(requestIdsOf(call.body));
  while (!agentGone.signal.aborted) {
    const answer = await tryCall(deps, headers, call.body, agentGone.signal);
    if (answer !== null && (await relayAnswer(answer, response, unanswered))) return finished(response);
    answer?.destroy();
    await pause(backoff.nextMs(), agentGone.signal);
  }
  return false;
}

async function tryCall(
  deps: ForwardDeps,
  headers: Record<string, string>,
  body: Buffer,
  signal: AbortSignal,
): Promise<IncomingMessage | null> {
  try {
    const answer = await deps.http.open({ method: "POST", url: deps.client.mcpUrl, headers, body, signal });
    if (!REPEATED_STATUSES.has(answer.statusCode ?? 0)) return answer;
    answer.destroy();
  } catch (error) {
    deps.log.debug({ err: String(error) }, "a call of the agent was not answered");
  }
  return null;
}

function pickHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of FORWARDED_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") picked[name] = value;
  }
  return picked;
}

/** True when the last byte was handed to the agent's connection, false when that closed before. */
function finished(response: ServerResponse): Promise<boolean> {
  if (response.writableFinished) return Promise.resolve(true);
  return new Promise((resolve) => {
    response.once("finish", () => resolve(true));
    response.once("close", () => resolve(response.writableFinished));
  });
}
