import { ERROR_TABLE, isErrorCode } from "@parallax/shared/errors";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http-client.ts";

/** What a caller has to do next; nobody else looks at status codes. */
export type CallResult =
  | { readonly kind: "ok"; readonly body: unknown }
  | { readonly kind: "nothing" }
  /** No answer, or one that may be different after a pause. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs: number | null }
  /** The author no longer holds the attempt. */
  | { readonly kind: "end_attempt"; readonly code: string; readonly message: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const RETRY_AFTER_MS_MAX = 60_000;

/** Calls once; never throws. */
export async function call(http: HttpClient, request: HttpRequest): Promise<CallResult> {
  try {
    return classifyAnswer(await http.request(request));
  } catch (error) {
    return { kind: "retry", reason: error instanceof Error ? error.message : String(error), afterMs: null };
  }
}

function classifyAnswer(answer: HttpAnswer): CallResult {
  if (answer.status === 204) return { kind: "nothing" };
  if (answer.status >= 200 && answer.status < 300) {
    const body = parseJson(answer.body);
    if (body === undefined)
      return { kind: "retry", reason: `status ${answer.status} without a JSON body`, afterMs: null };
    return { kind: "ok", body };
  }
  const refusal = readRefusal(answer);
  // Whoever answers without a code is not the coordinator: a proxy, or something else on its port for a moment.
  if (refusal.code === null)
    return { kind: "retry", reason: `status ${answer.status}: ${refusal.message}`, afterMs: readRetryAfterMs(answer) };
  const known = isErrorCode(refusal.code) ? ERROR_TABLE[refusal.code].retry : null;
  if (known === "end_attempt") return { kind: "end_attempt", code: refusal.code, message: refusal.message };
  if (known === "later" || answer.status >= 500 || answer.status === 429 || answer.status === 408) {
    return { kind: "retry", reason: `status ${answer.status}: ${refusal.message}`, afterMs: readRetryAfterMs(answer) };
  }
  return { kind: "refused", refusal: { ...refusal, code: refusal.code } };
}

function readRefusal(answer: HttpAnswer): Omit<Refusal, "code"> & { readonly code: string | null } {
  const body = parseJson(answer.body);
  const detail = isObject(body) ? body["detail"] : undefined;
  if (isObject(detail)) {
    const { code, message, hint, ...details } = detail;
    return {
      status: answer.status,
      code: typeof code === "string" ? code : null,
      message: [message, hint].filter((part) => typeof part === "string").join(" "),
      details,
    };
  }
  const text = typeof detail === "string" ? detail : answer.body;
  return { status: answer.status, code: null, message: text.slice(0, 300), details: {} };
}

function readRetryAfterMs(answer: HttpAnswer): number | null {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, RETRY_AFTER_MS_MAX) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
