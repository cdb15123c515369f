/** A run's events as they come, over broken connections: every event once, in order, until the log is sealed. */

import type { z } from "zod";
import { isParallaxError } from "../errors.ts";
import type { RunEvent, runEventsPageSchema } from "../protocol/events.ts";
import { pause } from "./pause.ts";
import { readSse } from "./read-sse.ts";
import type { Transport } from "./transport.ts";

type RunEventsPage = z.infer<typeof runEventsPageSchema>;

export interface StreamOptions {
  /** Events with a higher seq only; default all. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The server sends a comment at least every 15 s: a connection that is silent for longer is dead. */
const SILENCE_MS_MAX = 60_000;
const RECONNECT_MS_MIN = 200;
const RECONNECT_MS_MAX = 5_000;

/** Ends after `log_sealed`. Throws what cannot heal (run_not_found, unauthorized …) and the signal's reason. */
export async function* streamEvents(
  transport: Transport,
  runId: string,
  options: StreamOptions = {},
): AsyncGenerator<RunEvent> {
  let last = options.after ?? 0;
  let delayMs = RECONNECT_MS_MIN;
  for (;;) {
    try {
      const before = last;
      for await (const event of connect(transport, runId, last, options.signal)) {
        delayMs = RECONNECT_MS_MIN;
        if (event.seq <= last) continue;
        last = event.seq;
        yield event;
        if (event.type === "log_sealed") return;
      }
      // ended in peace without a word: perhaps the caller already had the last event
      if (last === before && (await isSealedAt(transport, runId, last, options.signal))) return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isParallaxError(error) && error.retry !== "later") throw error;
    }
    await pause(delayMs, options.signal);
    delayMs = Math.min(delayMs * 2, RECONNECT_MS_MAX);
  }
}

async function isSealedAt(transport: Transport, runId: string, after: number, signal: AbortSignal | undefined) {
  const path = `/runs/${encodeURIComponent(runId)}/events`;
  const page = await transport.json<RunEventsPage>("GET", path, { query: { after, limit: 1 }, signal });
  return page.sealed && page.events.length === 0;
}

async function* connect(
  transport: Transport,
  runId: string,
  after: number,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent> {
  const silence = new AbortController();
  const abandon = () => silence.abort(new Error("the stream fell silent"));
  let timer = setTimeout(abandon, SILENCE_MS_MAX);
  try {
    const response = await transport.open(`/runs/${encodeURIComponent(runId)}/events/stream`, {
      query: { after: after === 0 ? undefined : after },
      headers: { accept: "text/event-stream", ...(after === 0 ? {} : { "last-event-id": String(after) }) },
      signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
    });
    if (response.body === null) return;
    for await (const message of readSse(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(abandon, SILENCE_MS_MAX);
      const event = message === "comment" ? null : parseEvent(message.data);
      if (event !== null) yield event;
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Messages that are no run event (a greeting, a newer server's kind) pass. */
function parseEvent(data: string): RunEvent | null {
  try {
    const value = JSON.parse(data) as Partial<RunEvent> | null;
    return typeof value?.seq === "number" && typeof value.type === "string" ? (value as RunEvent) : null;
  } catch {
    return null;
  }
}
