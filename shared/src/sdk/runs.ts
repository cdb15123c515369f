import type { z } from "zod";
import type { RunEvent, runEventsPageSchema } from "../protocol/events.ts";
import type {
  CreatedRun,
  CreateRun,
  explainSchema,
  listRunsQuerySchema,
  Run,
  runsPageSchema,
  stopAnswerSchema,
} from "../protocol/runs.ts";
import { isTerminalRun } from "../run-state.ts";
import type { StreamOptions } from "./stream-events.ts";
import { streamEvents } from "./stream-events.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { unwrap } from "./unwrap.ts";
import type { WaitOptions } from "./wait.ts";
import { waitUntil } from "./wait.ts";

export type RunsPage = z.infer<typeof runsPageSchema>;
export type RunsQuery = z.infer<typeof listRunsQuerySchema>;
export type RunExplanation = z.infer<typeof explainSchema>;
export type StopAnswer = z.infer<typeof stopAnswerSchema>;
export type RunEventsPage = z.infer<typeof runEventsPageSchema>;

export interface StopOptions extends CallOptions {
  readonly cascade?: boolean | undefined;
  readonly reason?: string | undefined;
}

export interface RunsApi {
  create(run: CreateRun, options?: CallOptions & { readonly idempotencyKey?: string | undefined }): Promise<CreatedRun>;
  list(query?: RunsQuery, options?: CallOptions): Promise<RunsPage>;
  get(runId: string, options?: CallOptions): Promise<Run>;
  /** Why the run is where it is, as a sentence and as data. */
  explain(runId: string, options?: CallOptions): Promise<RunExplanation>;
  stop(runId: string, options?: StopOptions): Promise<StopAnswer>;
  retry(runId: string, options?: CallOptions): Promise<CreatedRun>;
  events(
    runId: string,
    page?: { readonly after?: number; readonly limit?: number },
    options?: CallOptions,
  ): Promise<RunEventsPage>;
  /** Every event once and in order, over broken connections, until the log is sealed. */
  streamEvents(runId: string, options?: StreamOptions): AsyncGenerator<RunEvent>;
  log(runId: string, options?: CallOptions): Promise<string>;
  /** Resolves when the run is completed, failed or stopped; read `status` and `outcome`. */
  wait(runId: string, options?: WaitOptions): Promise<Run>;
}

export function createRunsApi(transport: Transport): RunsApi {
  const path = (runId: string, rest = "") => `/runs/${encodeURIComponent(runId)}${rest}`;
  const get: RunsApi["get"] = async (runId, options = {}) =>
    unwrap<Run>(await transport.json("GET", path(runId), options), "run");
  return {
    get,
    create: (run, { idempotencyKey, signal } = {}) =>
      transport.json("POST", "/runs", {
        body: run,
        signal,
        ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
      }),
    list: (query = {}, options = {}) => transport.json("GET", "/runs", { ...options, query }),
    explain: (runId, options = {}) => transport.json("GET", path(runId, "/explain"), options),
    stop: (runId, { cascade, reason, signal } = {}) =>
      transport.json("POST", path(runId, "/stop"), { body: { cascade, reason }, signal }),
    retry: (runId, options = {}) => transport.json("POST", path(runId, "/retry"), { ...options, body: {} }),
    events: (runId, page = {}, options = {}) =>
      transport.json("GET", path(runId, "/events"), { ...options, query: { ...page } }),
    streamEvents: (runId, options) => streamEvents(transport, runId, options),
    log: (runId, options = {}) => transport.text(path(runId, "/log"), options),
    wait: (runId, options) =>
      waitUntil(
        (signal) => get(runId, { signal }),
        (run) => isTerminalRun(run.status),
        (run) => `run ${runId} is still ${run?.status ?? "unknown"}`,
        options,
      ),
  };
}
