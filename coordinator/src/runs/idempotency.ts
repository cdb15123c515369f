import { createHash } from "node:crypto";
import { ParallaxError } from "@parallax/shared/errors";
import { findAnswer, lockIdempotencyKey, saveAnswer } from "../store/idempotency.ts";
import type { Tx } from "../store/store.ts";

export interface Idempotency {
  readonly key: string;
  readonly requestHash: string;
}

export function idempotencyOf(key: string, request: unknown): Idempotency {
  return { key, requestHash: createHash("sha256").update(JSON.stringify(request)).digest("hex") };
}

/** The same key with the same request gets the first answer; with another request it is a conflict. */
export async function recallAnswer<T extends object>(
  tx: Tx,
  projectId: string,
  idempotency: Idempotency,
): Promise<T | null> {
  await lockIdempotencyKey(tx, projectId, idempotency.key);
  const known = await findAnswer(tx, projectId, idempotency.key);
  if (known === null) return null;
  if (known.requestHash !== idempotency.requestHash) {
    throw new ParallaxError("idempotency_conflict", "this Idempotency-Key was used for another request", {
      hint: "use a new key for a new request",
    });
  }
  return known.answer as T;
}

export async function rememberAnswer(
  tx: Tx,
  projectId: string,
  idempotency: Idempotency,
  answer: object,
): Promise<void> {
  await saveAnswer(tx, projectId, idempotency.key, idempotency.requestHash, { ...answer });
}
