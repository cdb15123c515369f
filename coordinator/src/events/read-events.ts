import type { RunEvent } from "@parallax/shared/protocol/events";
import type { Deps } from "../deps.ts";
import { findStream, readEvents } from "../store/events.ts";
import type { EventRecord, RunRecord } from "../store/records.ts";

export interface EventsPage {
  readonly events: readonly EventRecord[];
  readonly nextAfter: number;
  readonly sealed: boolean;
}

/** One page of the run's sequence. The stream is read first: a seal seen then covers every event read after. */
export async function readEventsPage(deps: Deps, runId: string, after: number, limit: number): Promise<EventsPage> {
  const stream = await findStream(deps.store.db, runId);
  const events = await readEvents(deps.store.db, runId, after, limit);
  const nextAfter = events.at(-1)?.seq ?? after;
  return { events, nextAfter, sealed: stream === null || (stream.sealed && nextAfter >= stream.lastSeq) };
}

export function viewEvent(run: Pick<RunRecord, "id" | "sessionId">, event: EventRecord): RunEvent {
  return {
    seq: event.seq,
    run_id: run.id,
    session_id: run.sessionId,
    attempt: event.attempt,
    type: event.type as RunEvent["type"],
    at: event.at,
    data: JSON.parse(event.data) as Record<string, unknown>,
  };
}

/** The same view as bytes, `data` exactly as it was stored: what REST shows parsed and SSE sends as one line. */
export function eventJson(run: Pick<RunRecord, "id" | "sessionId">, event: EventRecord): string {
  const head = JSON.stringify({
    seq: event.seq,
    run_id: run.id,
    session_id: run.sessionId,
    attempt: event.attempt,
    type: event.type,
    at: event.at,
  });
  return `${head.slice(0, -1)},"data":${event.data}}`;
}
