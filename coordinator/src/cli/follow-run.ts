/** Shows a run's events as they come and returns the run when it has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "@parallax/shared/protocol/events";
import type { Run } from "@parallax/shared/protocol/runs";
import type { Client } from "@parallax/shared/sdk/client";

/** Completion never waits for the log: what is still under way gets this long. */
const SEAL_GRACE_MS = 5_000;
const WAIT_MS_MAX = 2 ** 31 - 1;

export async function followRun(
  client: Client,
  runId: string,
  show: (event: RunEvent) => void,
  signal: AbortSignal,
  timeoutMs = WAIT_MS_MAX,
): Promise<Run> {
  const over = new AbortController();
  const streaming = (async () => {
    try {
      const reading = AbortSignal.any([signal, over.signal]);
      for await (const event of client.runs.streamEvents(runId, { signal: reading })) show(event);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    }
  })();
  try {
    const ended = client.runs.wait(runId, { signal, timeoutMs });
    // a stream that cannot go on fails the command at once
    const run = await Promise.race([ended, streaming.then(() => ended)]);
    await Promise.race([streaming, sleep(SEAL_GRACE_MS, undefined, { ref: false })]);
    return run;
  } finally {
    over.abort();
    await streaming.catch(() => {});
  }
}
