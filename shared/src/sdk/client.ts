/**
 * The client of a coordinator, in Node and in browsers. Answers are typed by the protocol's schemas and not checked again:
 * fields of a newer coordinator pass. Errors are ParallaxErrors with the server's code and hint.
 */
import type { AgentsApi } from "./agents.ts";
import { createAgentsApi } from "./agents.ts";
import type { RunnersApi } from "./runners.ts";
import { createRunnersApi } from "./runners.ts";
import type { RunsApi } from "./runs.ts";
import { createRunsApi } from "./runs.ts";
import type { SessionsApi } from "./sessions.ts";
import { createSessionsApi } from "./sessions.ts";
import type { CallOptions, ClientOptions } from "./transport.ts";
import { createTransport } from "./transport.ts";

export interface Health {
  readonly status: string;
  readonly version?: string;
}

export interface Client {
  readonly runs: RunsApi;
  readonly sessions: SessionsApi;
  readonly agents: AgentsApi;
  readonly runners: RunnersApi;
  /** The process answers; needs no key. */
  health(options?: CallOptions): Promise<Health>;
  /** It can do its work: the database and the queue answer too. Throws when not. */
  ready(options?: CallOptions): Promise<Health>;
}

export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);
  return {
    runs: createRunsApi(transport),
    sessions: createSessionsApi(transport),
    agents: createAgentsApi(transport),
    runners: createRunnersApi(transport),
    health: (call = {}) => transport.json("GET", "/health", call),
    ready: (call = {}) => transport.json("GET", "/ready", call),
  };
}
