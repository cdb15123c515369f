/**
 * Follow: a run's sequence as server-sent events; ids are seqs, so Last-Event-ID goes on without gap or repeat. Ends after log_sealed.
 * Called by: GET /runs/{id}/events/stream.  A reader that does not read is not read for: the database is asked only for what fits.
 */
import { type Deps, TOPICS } from "../deps.ts";
import type { RunRecord } from "../store/records.ts";
import { eventJson, readEventsPage } from "./read-events.ts";

const PAGE = 200;
const HEARTBEAT_MS = 15_000;

export function streamEvents(deps: Deps, run: RunRecord, after: number, signal: AbortSignal): Response {
  const encoder = new TextEncoder();
  const cancelled = new AbortController();
  const gone = AbortSignal.any([signal, cancelled.signal]);
  let position = after;
  let greeted = false;
  const body = new ReadableStream<Uint8Array>(
    {
      // called only when the reader has room: back-pressure reaches the database
      pull: async (controller) => {
        if (!greeted) {
          greeted = true;
          controller.enqueue(encoder.encode("retry: 1000\n\n"));
          return;
        }
        for (;;) {
          const wake = new AbortController();
          const grown = deps.wake.waitFor(TOPICS.events, run.id, {
            timeoutMs: HEARTBEAT_MS,
            signal: AbortSignal.any([gone, wake.signal]),
          });
          const page = await readEventsPage(deps, run.id, position, PAGE).catch(() => null);
          if (page !== null && page.events.length > 0) {
            wake.abort();
            position = page.nextAfter;
            controller.enqueue(
              encoder.encode(
                page.events
                  .map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${eventJson(run, event)}\n\n`)
                  .join(""),
              ),
            );
            if (page.sealed) controller.close();
            return;
          }
          if (page?.sealed === true || gone.aborted) {
            wake.abort();
            controller.close();
            return;
          }
          if (!(await grown)) {
            if (gone.aborted) {
              controller.close();
              return;
            }
            controller.enqueue(encoder.encode(": heartbeat\n\n"));
            return;
          }
        }
      },
      cancel: () => cancelled.abort(),
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}
