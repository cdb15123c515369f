import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Claimer } from "../auth/identify-claimer.ts";
import type { RunRecord } from "../store/records.ts";

/** An accepted write's author holds the newest attempt. Called under the run's lock, before anything is written. */
export function fence(run: RunRecord, claimer: Claimer): void {
  if (claimer.attempt !== run.attempt) {
    throw new ParallaxError(
      "attempt_superseded",
      `attempt ${claimer.attempt} was superseded by attempt ${run.attempt}`,
      { details: { attempt: claimer.attempt, newest: run.attempt } },
    );
  }
  if (run.runnerId !== claimer.runnerId && !claimer.proven) {
    throw new ParallaxError(
      "not_the_claimer",
      "only the runner that claimed the newest attempt may report on this run",
    );
  }
}

/** What a supervisor hears when its run is over: end the tree, report nothing more. */
export function refuseTerminal(run: RunRecord): void {
  if (isTerminalRun(run.state))
    throw new ParallaxError("run_terminal", `the run has ended as ${run.state}`, {
      details: { status: run.state, outcome: run.outcome },
    });
}
