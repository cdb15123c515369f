import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { createBackoff, pause } from "../http/backoff.ts";
import { type CallResult, call } from "../http/classify-answer.ts";
import type { HttpClient } from "../http/http-client.ts";
import { CALL_HEADER, INCARNATION_HEADER } from "./headers.ts";

/** The supervisor's own calls, `…/runner/runs/{run}/attempts/{n}/…`, with the lease token as bearer. */
export interface AttemptClient {
  /** One try. `body` is JSON text already, so that frames are not parsed and written again. */
  post(action: string, body: string, options?: CallOptions): Promise<CallResult>;
  get(action: string, query: Readonly<Record<string, string>>, options?: CallOptions): Promise<CallResult>;
  /** Tries until there is an answer that a repeat would not change, or until `signal` is aborted (then null). */
  postUntilAnswered(action: string, body: string, signal: AbortSignal): Promise<SettledResult | null>;
  /** Where the gateway sends the agent's calls, and what authenticates them. */
  readonly mcpUrl: URL;
  mcpHeaders(callNumber: number): Record<string, string>;
}

export type SettledResult = Exclude<CallResult, { kind: "retry" }>;

interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const CALL_TIMEOUT_MS = 15_000;

export function createAttemptClient(http: HttpClient, spec: AttemptSpec, incarnation: string): AttemptClient {
  const base = spec.coordinatorUrl.replace(/\/+$/, "");
  const attemptUrl = `${base}/runner/runs/${encodeURIComponent(spec.run.run_id)}/attempts/${spec.run.attempt}`;
  const authorization = { authorization: `Bearer ${spec.run.lease_token}` };

  const post: AttemptClient["post"] = (action, body, options = {}) =>
    call(http, {
      method: "POST",
      url: new URL(`${attemptUrl}/${action}`),
      headers: { ...authorization, "content-type": "application/json" },
      body,
      timeoutMs: options.timeoutMs ?? CALL_TIMEOUT_MS,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });

  return {
    post,
    get: (action, query, options = {}) =>
      call(http, {
        method: "GET",
        url: new URL(`${attemptUrl}/${action}?${new URLSearchParams(query)}`),
        headers: authorization,
        timeoutMs: options.timeoutMs ?? CALL_TIMEOUT_MS,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }),
    postUntilAnswered: async (action, body, signal) => {
      const backoff = createBackoff({ firstMs: 200, maxMs: 5_000 });
      while (!signal.aborted) {
        const result = await post(action, body, { signal });
        if (result.kind !== "retry") return result;
        await pause(result.afterMs ?? backoff.nextMs(), signal);
      }
      return null;
    },
    mcpUrl: new URL(`${base}/mcp`),
    mcpHeaders: (callNumber) => ({
      ...authorization,
      [CALL_HEADER]: String(callNumber),
      [INCARNATION_HEADER]: incarnation,
    }),
  };
}
