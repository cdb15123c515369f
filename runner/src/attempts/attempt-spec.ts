/**
 * Everything a supervisor needs to know, written and synced by the runner before it reports `started` and spawns.
 * It holds the lease token, so the file is 0600 in a 0700 directory; nothing of it is in argv or in an environment.
 */
import type { OfferedRun } from "@parallax/shared/protocol/runners";

export interface AttemptSpec {
  readonly version: 1;
  readonly run: OfferedRun;
  readonly runnerId: string;
  readonly coordinatorUrl: string;
  /** Where the agent works when the run names no directory. */
  readonly defaultProjectDir: string;
  readonly agentsDir: string | null;
  /** The allow-listed part of the runner's environment, as it was at the start of the attempt. */
  readonly hostEnv: Readonly<Record<string, string>>;
  /** Name of the lock and control socket. */
  readonly controlName: string;
  /** First line that a client of the control socket must send. */
  readonly controlSecret: string;
  /** Value of PARALLAX_ATTEMPT in every process of the agent's tree. */
  readonly marker: string;
  readonly timing: SupervisorTiming;
}

/** Times of the supervisor's own clock; the lease's come from the coordinator with every answer. */
export interface SupervisorTiming {
  readonly frozenKillAfterMs: number;
  readonly stopInterruptGraceMs: number;
  readonly stopTermGraceMs: number;
  readonly resultGraceMs: number;
  readonly outputBytesMax: number;
}
