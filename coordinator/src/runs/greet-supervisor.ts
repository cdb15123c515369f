/**
 * Hello: the supervisor takes the renewal over from the runner; running, phase preparing → supervised.
 * Called by: POST …/attempts/{n}/hello, before any agent is started.  Requires: the newest attempt, running.
 * Writes: runs, attempts, sessions.  Emits: session wake.
 * The first hello binds the supervisor's random incarnation; a second supervisor of the same attempt is refused.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { markAttemptSupervised } from "../store/attempts.ts";
import { leaseFromNow } from "../store/leases.ts";
import { changeRun, findRun, lockRun } from "../store/runs.ts";
import { changeSession, lockSession } from "../store/sessions.ts";
import { fence, refuseTerminal } from "./fence.ts";

export interface Hello {
  readonly runId: string;
  readonly attempt: number;
  readonly incarnation: string;
  readonly hostname: string;
}

export async function greetSupervisor(deps: Deps, hello: Hello): Promise<void> {
  await transact(deps, async (tx, effects) => {
    const seen = await findRun(tx, hello.runId);
    if (seen === null) throw new ParallaxError("run_not_found", `no run ${hello.runId}`);
    await lockSession(tx, seen.projectId, seen.sessionId);
    const run = await lockRun(tx, hello.runId);
    if (run === null) throw new ParallaxError("run_not_found", `no run ${hello.runId}`);
    fence(run, { runId: run.id, attempt: hello.attempt, runnerId: run.runnerId ?? "", proven: true });
    refuseTerminal(run);
    if (run.incarnation !== null && run.incarnation !== hello.incarnation) {
      throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
    }
    if (run.state === "stopping")
      throw new ParallaxError("run_stopping", "the run is being stopped; start nothing", {
        details: { reason: run.stopReason },
      });
    if (run.state !== "running")
      throw new ParallaxError("offer_lapsed", "the attempt was not started, or was lost before its supervisor came");
    await changeRun(tx, run.id, {
      phase: "supervised",
      incarnation: hello.incarnation,
      ...leaseFromNow(deps.limits.leaseTtlMs),
    });
    await markAttemptSupervised(tx, run.id, run.attempt, hello.incarnation, hello.hostname);
    await changeSession(tx, run.projectId, run.sessionId, { hostname: hello.hostname });
    effects.session(run.projectId, run.sessionId);
  });
}
