import type { Real } from "./real.ts";
import { choose } from "./step.ts";

/** Who knows what outside the coordinator: what was answered so far, right or outdated. */
export interface Outside {
  readonly real: Real;
  readonly sessions: string[];
  readonly runs: { readonly id: string; readonly session: string }[];
  readonly attempts: KnownAttempt[];
}

export interface KnownAttempt {
  readonly runId: string;
  readonly session: string;
  readonly attempt: number;
  readonly runnerId: string;
  readonly plain: boolean;
  readonly items: readonly string[];
  /** Two supervisors may believe in one attempt. */
  readonly incarnations: readonly [string, string];
}

/** Something that somebody does without knowing what the others do. `which` chooses among what is known. */
export interface Action {
  readonly name: string;
  readonly weight: number;
  /** Refusals that a caller must expect, whatever happens at the same time; everything else is an error of ours. */
  readonly refusals: readonly string[];
  act(outside: Outside, which: number): Promise<unknown>;
}

/** Who speaks for an attempt must expect these, whatever it says. */
export const FENCED = ["run_not_found", "attempt_superseded", "supervisor_superseded", "run_terminal"] as const;
/** An action of an attempt's side; plain runners have no supervisor. */
export const ofAttempt =
  (work: (outside: Outside, known: KnownAttempt, incarnation: string, which: number) => Promise<unknown>) =>
  async (outside: Outside, which: number): Promise<void> => {
    const known = choose(outside.attempts, which);
    if (known === undefined) return;
    await work(outside, known, known.incarnations[which % 7 === 6 ? 1 : 0], which);
  };

export const ofSession =
  (work: (outside: Outside, session: string, which: number) => Promise<unknown>) =>
  async (outside: Outside, which: number): Promise<void> => {
    const session = choose(outside.sessions, which);
    if (session !== undefined) await work(outside, session, which);
  };

export const ofRun =
  (work: (outside: Outside, runId: string, session: string, which: number) => Promise<unknown>) =>
  async (outside: Outside, which: number): Promise<void> => {
    const run = choose(outside.runs, which);
    if (run !== undefined) await work(outside, run.id, run.session, which);
  };
