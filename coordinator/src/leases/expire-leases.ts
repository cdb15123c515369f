/**
 * The expiry sweep: the only place where leases end by time. Every 5 s; also extends all leases after an outage.
 * Called by: main's periodic work.  Writes: liveness, runs and what a loss writes.  Emits: what a loss emits.
 * Everything is judged again under the run's lock: its author may have renewed, or another replica may have been faster.
 * One row is the clock of outages: a gap over 10 s means that nobody could renew, so everything gets that time back and nothing expires now.
 */
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { endRun } from "../runs/end-run.ts";
import { lockForEnd } from "../runs/lock-for-end.ts";
import {
  extendLeases,
  findExpiredLeases,
  findUnansweredStops,
  leaseIsExpired,
  lockLiveness,
  stopIsUnanswered,
  touchLiveness,
} from "../store/leases.ts";
import { type DueRun, findQueueExpired } from "../store/runs.ts";
import { loseRun } from "./lose-run.ts";

const BATCH = 200;

export async function expireLeases(deps: Deps): Promise<void> {
  const { db } = deps.store;
  if (!(await keepClock(deps))) return;
  if (!(await each(deps, await findExpiredLeases(db, BATCH), expireOne))) return;
  if (!(await each(deps, await findUnansweredStops(db, deps.limits.stopUnansweredMs, BATCH), finishStop))) return;
  await each(deps, await findQueueExpired(db, BATCH), expireQueueTime);
}

/** False after an outage: everything got that time back, and the next sweep is soon enough. */
async function keepClock(deps: Deps): Promise<boolean> {
  const outage = await transact(deps, async (tx) => {
    const { gapMs } = await lockLiveness(tx);
    const extended = gapMs > deps.limits.outageGapMs ? await extendLeases(tx, gapMs) : null;
    await touchLiveness(tx);
    return extended === null ? null : { gapMs: Math.round(gapMs), leases: extended };
  });
  if (outage !== null) deps.logger.warn(outage, "leases extended by the length of an outage");
  return outage === null;
}

/** A long sweep must not look like an outage, and an outage in the middle of it must not pass for time in which somebody could renew. */
async function each(
  deps: Deps,
  due: readonly DueRun[],
  work: (deps: Deps, runId: string) => Promise<void>,
): Promise<boolean> {
  for (const { id } of due) {
    // one run that cannot be judged must not keep the others waiting; the next sweep tries it again
    await work(deps, id).catch((error: unknown) =>
      deps.logger.error({ err: error, runId: id }, "sweep failed for a run"),
    );
    if (!(await keepClock(deps))) return false;
  }
  return true;
}

async function expireOne(deps: Deps, runId: string): Promise<void> {
  const lost = await transact(deps, async (tx, effects) => {
    const locked = await lockForEnd(tx, runId);
    if (!(await leaseIsExpired(tx, runId))) return null;
    await loseRun(deps, tx, effects, locked, "its lease ran out", true);
    return { runId, attempt: locked.run.attempt, state: locked.run.state };
  });
  if (lost !== null) deps.logger.warn(lost, "lease expired");
}

/** Nobody answered the stop: the run ends, but its session stays occupied until the cut-off agent must be frozen or dead. */
async function finishStop(deps: Deps, runId: string): Promise<void> {
  await transact(deps, async (tx, effects) => {
    const { run, session } = await lockForEnd(tx, runId);
    if (!(await stopIsUnanswered(tx, runId, deps.limits.stopUnansweredMs))) return;
    await endRun(deps, tx, effects, session, run, { outcome: "stopped", treeGone: false });
  });
}

async function expireQueueTime(deps: Deps, runId: string): Promise<void> {
  await transact(deps, async (tx, effects) => {
    const { run, session } = await lockForEnd(tx, runId);
    if (run.state !== "pending" || run.deliveries > 0) return;
    await endRun(deps, tx, effects, session, run, {
      outcome: "expired",
      error: {
        code: "expired",
        message: "No matching runner available within timeout",
        hint: "GET /runs/{id}/explain says what the run demands; start a runner that has it",
      },
      treeGone: true,
    });
  });
}
