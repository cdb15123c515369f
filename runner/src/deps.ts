import type { Clock } from "@parallax/shared/clock";
import type { ExecutorAdapter } from "@parallax/shared/executor/adapter";
import type { Ids } from "@parallax/shared/ids";
import type { LiveAttempts } from "./attempts/live-attempts.ts";
import type { SpawnDeps } from "./attempts/spawn-supervisor.ts";
import type { RunnerConfig } from "./config.ts";
import type { HttpClient } from "./http/http-client.ts";
import type { RunnerLog } from "./log.ts";
import type { Readiness } from "./readiness/readiness.ts";
import type { RunnerClient } from "./runner-client.ts";

/** What the runner's loops are given. */
export interface RunnerDeps {
  readonly config: RunnerConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: RunnerLog;
  readonly http: HttpClient;
  readonly client: RunnerClient;
  readonly runnerId: string;
  /** New per process: a new one of the same runner replaces the old one at once. */
  readonly instanceId: string;
  readonly attempts: LiveAttempts;
  readonly executors: ReadonlyMap<string, ServedExecutor>;
  readonly readiness: Readiness;
  readonly supervisorSpawn: SpawnDeps;
  /** Registers again; calls while one is under way share it. */
  reregister(): Promise<void>;
  /** Aborted when this process is about to exit: everything that waits gives up, nothing is undone. */
  readonly exiting: AbortSignal;
}

export interface ServedExecutor {
  readonly adapter: ExecutorAdapter;
  readonly version: string;
  /** What was found of its CLI. */
  readonly path: string;
}
