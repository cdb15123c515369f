/** Says why a run waits, for who waits for its end: once after a moment, and again when the cause is another one. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@parallax/shared/sdk/client";
import type { Io } from "./terminal/io.ts";
import { stripControls } from "./terminal/strip-controls.ts";

const WAITING_TOLD_AFTER_MS = 2_000;

/** Runs until `signal` is aborted; a coordinator that does not answer is the business of who waits for the end. */
export async function tellWaiting(
  io: Io,
  client: Client,
  runId: string,
  signal: AbortSignal,
  everyMs = WAITING_TOLD_AFTER_MS,
): Promise<void> {
  let told: string | null = null;
  while (await isStillOn(everyMs, signal)) {
    const explanation = await client.runs.explain(runId, { signal }).catch(() => null);
    if (explanation === null || signal.aborted) continue;
    if (explanation.status !== "pending") told = null;
    else if (explanation.cause !== told) {
      told = explanation.cause;
      io.err(io.paint("yellow", `waiting: ${stripControls(explanation.sentence)}`));
    }
  }
}

async function isStillOn(durationMs: number, signal: AbortSignal): Promise<boolean> {
  return await sleep(durationMs, true, { signal }).catch(() => false);
}
