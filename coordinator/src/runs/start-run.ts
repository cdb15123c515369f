/**
 * Start: claimed → running, phase preparing. Sent by the runner before it spawns anything.
 * Called by: POST /runner/runs/{id}/started.  Requires: the newest attempt's claimer.
 * Writes: runs, attempts, sessions (one transaction).  Emits: session wake.
 * A repeat gets the same 200; behind a fast completion it changes nothing; a lapsed or superseded offer is a 409.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { answerRunEvent } from "@parallax/shared/run-state";
import type { Claimer } from "../auth/identify-claimer.ts";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { markAttemptStarted } from "../store/attempts.ts";
import { databaseNow } from "../store/database-time.ts";
import { leaseFromNow } from "../store/leases.ts";
import { countStart, findRunner } from "../store/runners.ts";
import { changeRun, findRun, lockRun } from "../store/runs.ts";
import { changeSession, lockSession, moveSession } from "../store/sessions.ts";
import { fence } from "./fence.ts";

export async function startRun(deps: Deps, claimer: Claimer): Promise<{ leaseTtlMs: number }> {
  return await transact(deps, async (tx, effects) => {
    const seen = await findRun(tx, claimer.runId);
    if (seen === null) throw new ParallaxError("run_not_found", `no run ${claimer.runId}`);
    const session = await lockSession(tx, seen.projectId, seen.sessionId);
    const run = await lockRun(tx, claimer.runId);
    if (session === null || run === null) throw new ParallaxError("run_not_found", `no run ${claimer.runId}`);
    const leaseTtlMs = run.plain ? deps.limits.plainLeaseTtlMs : deps.limits.leaseTtlMs;
    fence(run, claimer);
    const answer = answerRunEvent(run.state, "start");
    if (answer === "ignored") return { leaseTtlMs };
    if (answer === "refused") {
      throw run.state === "stopping"
        ? new ParallaxError("run_stopping", "the run is being stopped; do not start it")
        : new ParallaxError("offer_lapsed", "the offer was not started in time and went back to the queue");
    }
    await changeRun(tx, run.id, {
      state: "running",
      phase: "preparing",
      deliveries: run.deliveries + 1,
      startedAt: databaseNow,
      ...leaseFromNow(leaseTtlMs),
    });
    await markAttemptStarted(tx, run.id, run.attempt);
    const runner = await findRunner(tx, claimer.runnerId);
    if (runner !== null && runner.maxRuns !== null) await countStart(tx, runner.id);
    await moveSession(tx, session, "run_started");
    await changeSession(tx, run.projectId, run.sessionId, {
      lastRunnerId: claimer.runnerId,
      ...(runner === null
        ? {}
        : { hostname: runner.hostname, executorProfile: runner.executorProfile ?? run.executor }),
    });
    effects.session(run.projectId, run.sessionId);
    return { leaseTtlMs };
  });
}
