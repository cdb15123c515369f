import { join } from "node:path";

/** The files of one attempt's directory, `<state-dir>/attempts/<run_id>-<attempt>/`. */
export interface AttemptFiles {
  readonly dir: string;
  /** What the runner gave; exists from before `started`. */
  readonly spec: string;
  /** Written by the supervisor before its hello: from then on an agent may have been started. */
  readonly incarnation: string;
  /** Frames, one canonical JSON line each. */
  readonly frames: string;
  /** Taken while the agent runs, given back for its end. */
  readonly reserve: string;
  readonly callNumber: string;
  /** Written when the tree is gone: what to report, again and again until it is acknowledged. */
  readonly completion: string;
  readonly log: string;
  /** The adapter's private directory. */
  readonly agentDir: string;
  /** Control socket where there are no abstract ones. */
  readonly controlSocket: string;
}

export function attemptFiles(dir: string): AttemptFiles {
  return {
    dir,
    spec: join(dir, "spec.json"),
    incarnation: join(dir, "incarnation.json"),
    frames: join(dir, "frames.jsonl"),
    reserve: join(dir, "reserve"),
    callNumber: join(dir, "call-number"),
    completion: join(dir, "completion.json"),
    log: join(dir, "supervisor.log"),
    agentDir: join(dir, "agent"),
    controlSocket: join(dir, "control.sock"),
  };
}
