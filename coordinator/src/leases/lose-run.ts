/**
 * Lose: the lease of an attempt is over without an end. claimed → pending (lapse), running → pending | failed, stopping → stopped.
 * Called by: the expiry sweep, a runner that found its supervisor dead, a runner's clean exit.
 * Requires: locks of tree, session and run.  Writes: runs, attempts, inbox_items, and what an end writes.  Emits: hints, session wake.
 * What the attempt took since its last checkpoint goes to attempt k+1 under the same item ids.
 */
import { answerRunEvent } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { assignInbox } from "../inbox/assign-inbox.ts";
import { endRun } from "../runs/end-run.ts";
import type { LockedRun } from "../runs/lock-for-end.ts";
import { promoteSession } from "../sessions/promote-session.ts";
import { endAttempt } from "../store/attempts.ts";
import { databaseNowPlus } from "../store/database-time.ts";
import { releaseReservations, repeatItems } from "../store/inbox.ts";
import type { RunRecord } from "../store/records.ts";
import { changeRun } from "../store/runs.ts";
import type { Tx } from "../store/store.ts";

export async function loseRun(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  { run, session }: LockedRun,
  reason: string,
  treeGone: boolean,
): Promise<void> {
  if (run.state === "stopping") {
    await endRun(deps, tx, effects, session, run, { outcome: "stopped", treeGone, error: null });
    return;
  }
  if (run.state === "claimed") return await lapseOffer(deps, tx, effects, { run, session });
  if (answerRunEvent(run.state, "lose") !== "pending") return;
  const verdict = judgeLoss(deps, run);
  if (verdict !== null) {
    await endRun(deps, tx, effects, session, run, {
      ...verdict,
      error: { ...verdict.error, details: { reason, attempt: run.attempt } },
      treeGone,
      attemptEnd: "lost",
    });
    return;
  }
  await changeRun(tx, run.id, {
    state: "pending",
    ready: false,
    waitingFor: "session_busy",
    phase: null,
    leaseExpiresAt: null,
  });
  await endAttempt(tx, run.id, run.attempt, "lost");
  await repeatItems(tx, run.id);
  // what a waiting call of the dead attempt would have handed out goes to attempt k+1 with the rest
  await releaseReservations(tx, run.projectId, run.sessionId);
  await assignInbox(deps, tx, effects, run.projectId, run.sessionId);
  await promoteSession(tx, effects, run.projectId, run.sessionId);
  effects.session(run.projectId, run.sessionId);
}

type Verdict = {
  readonly outcome: "lost" | "poison";
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
} | null;

function judgeLoss(deps: Deps, run: RunRecord): Verdict {
  if (run.onLost === "fail" || run.plain) {
    const hint = run.plain
      ? "runs of plain HTTP runners are not retried by themselves; retry it with POST /runs/{id}/retry"
      : "on_lost is `fail`; set it to `resume` or `restart` to have lost runs tried again";
    return { outcome: "lost", error: { code: "lost", message: `the runner was lost in attempt ${run.attempt}`, hint } };
  }
  if (run.deliveries >= deps.limits.deliveriesMax) {
    return {
      outcome: "poison",
      error: {
        code: "poison",
        message: `lost ${run.deliveries} times: the run may be what kills its runners`,
        hint: "look at the runners' logs before retrying it",
      },
    };
  }
  return null;
}

const REOFFER_PAUSE_MS = 5_000;

/** An offer that was never started goes back: once at once, then with growing pauses; after too many of them the fleet, not the run, is broken. */
async function lapseOffer(deps: Deps, tx: Tx, effects: Effects, { run, session }: LockedRun): Promise<void> {
  const offers = run.offers + 1;
  if (offers >= deps.limits.offersMax) {
    await changeRun(tx, run.id, { offers });
    await endRun(deps, tx, effects, session, run, {
      outcome: "infra_error",
      error: {
        code: "offer_lapsed",
        message: `${offers} runners took the run and never started it`,
        hint: "check the runners' connection and logs",
      },
      treeGone: true,
      attemptEnd: "given_up",
    });
    return;
  }
  const pauseMs = offers === 1 ? 0 : Math.min(deps.limits.reofferPauseMsMax, REOFFER_PAUSE_MS * 2 ** (offers - 2));
  await changeRun(tx, run.id, { offers, offerAfter: pauseMs === 0 ? null : databaseNowPlus(pauseMs) });
  await returnOffer(deps, tx, effects, run, "lapsed");
}

/** claimed → pending: nobody began it, so nothing of it has to be given to anybody else. */
export async function returnOffer(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  run: RunRecord,
  reason: "lapsed" | "withdrawn",
): Promise<void> {
  await changeRun(tx, run.id, {
    state: "pending",
    ready: false,
    waitingFor: "session_busy",
    phase: null,
    leaseExpiresAt: null,
  });
  await endAttempt(tx, run.id, run.attempt, reason);
  // what came while it was offered goes into its next message
  await assignInbox(deps, tx, effects, run.projectId, run.sessionId);
  await promoteSession(tx, effects, run.projectId, run.sessionId);
}
