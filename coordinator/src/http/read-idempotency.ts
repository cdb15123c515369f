import { ParallaxError } from "@parallax/shared/errors";
import type { Context } from "hono";
import { type Idempotency, idempotencyOf } from "../runs/idempotency.ts";

/** The Idempotency-Key of a write with what it asks for; null when it has none. */
export function readIdempotency(context: Context, body: unknown): Idempotency | null {
  const key = context.req.header("idempotency-key");
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]{1,200}$/.test(key))
    throw new ParallaxError("invalid_request", "Idempotency-Key: 1–200 printable ASCII characters");
  return idempotencyOf(key, body);
}
