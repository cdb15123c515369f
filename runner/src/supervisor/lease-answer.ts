import type { Directive, LeaseAnswer } from "@parallax/shared/protocol/attempts";
import { isObject } from "../http/classify-answer.ts";

/**
 * Reads what hello, events and directives answer. By hand: the schemas' library would cost every supervisor several
 * megabytes for five fields. An answer that is not understood is treated as none.
 */
export function readLeaseAnswer(body: unknown): LeaseAnswer | null {
  if (!isObject(body) || body["ok"] !== true) return null;
  const leaseTtlMs = readDuration(body["lease_ttl_ms"]);
  const freezeAfterMs = readDuration(body["freeze_after_ms"]);
  const renewEveryMs = readDuration(body["renew_every_ms"]);
  if (leaseTtlMs === null || freezeAfterMs === null || renewEveryMs === null) return null;
  const stop = body["stop"];
  return {
    ok: true,
    lease_ttl_ms: leaseTtlMs,
    freeze_after_ms: freezeAfterMs,
    renew_every_ms: renewEveryMs,
    stop: isObject(stop) ? { reason: String(stop["reason"] ?? "") } : null,
    directives: Array.isArray(body["directives"])
      ? body["directives"].map(readDirective).filter((one) => one !== null)
      : [],
  };
}

/** First frame the coordinator does not have, or null when the answer does not say. */
export function readNextFrame(body: unknown): number | null {
  const next = isObject(body) ? body["next_frame"] : undefined;
  return typeof next === "number" && Number.isSafeInteger(next) && next >= 1 ? next : null;
}

function readDirective(value: unknown): Directive | null {
  if (!isObject(value)) return null;
  const { seq, kind, reason, item_id } = value;
  if (typeof seq !== "number" || !Number.isSafeInteger(seq)) return null;
  if (kind !== "stop" && kind !== "interrupt" && kind !== "message") return null;
  return {
    seq,
    kind,
    reason: typeof reason === "string" ? reason : null,
    item_id: typeof item_id === "string" ? item_id : null,
  };
}

function readDuration(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : null;
}
