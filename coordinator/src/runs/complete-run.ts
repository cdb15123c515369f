/**
 * Complete: an attempt reports its end; claimed, running, stopping or (late) pending → completed | failed | stopped.
 * Called by: the supervisor's POST …/completed and the runner's POST …/completed | failed | stopped.
 * Requires: the newest attempt, no terminal state.  Writes and emits: see end-run.ts.
 * The same end again by the same attempt gets the same 200; a different one, or one after a newer claim, gets 409.
 */
import { createHash } from "node:crypto";
import { ParallaxError } from "@parallax/shared/errors";
import { type Outcome, stateOfOutcome } from "@parallax/shared/outcome";
import { answerRunEvent, isTerminalRun, type RunEvent } from "@parallax/shared/run-state";
import type { Claimer } from "../auth/identify-claimer.ts";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { changeAttempt, findAttempt, reopenAttempt } from "../store/attempts.ts";
import { findItemsOfRun } from "../store/inbox.ts";
import type { RunRecord } from "../store/records.ts";
import { lockSession, moveSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { endRun, type RunEnd } from "./end-run.ts";
import { fence } from "./fence.ts";
import { lockForEnd } from "./lock-for-end.ts";

export interface AttemptEnd extends RunEnd {
  readonly incarnation: string | null;
  /** Frames that belong to the attempt; null from a plain runner, which has none. */
  readonly log: { readonly lastFrame: number; readonly bytes: number; readonly sha256: string } | null;
  /** A legacy report may declare the session finished. */
  readonly finishSession?: boolean;
}

const EVENT_OF: Readonly<Record<"completed" | "failed" | "stopped", RunEvent>> = {
  completed: "complete",
  failed: "fail",
  stopped: "stop",
};

export async function completeRun(
  deps: Deps,
  claimer: Claimer,
  end: AttemptEnd,
): Promise<{ status: string; repeated: boolean }> {
  const hash = hashOfEnd(end);
  return await transact(deps, async (tx, effects) => {
    const { run, session } = await lockForEnd(tx, claimer.runId);
    fence(run, claimer);
    const attempt = await findAttempt(tx, run.id, run.attempt);
    if (end.incarnation !== null && attempt?.incarnation !== end.incarnation) {
      throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
    }
    if (isTerminalRun(run.state) && attempt?.endHash === hash) return { status: run.state, repeated: true };
    const judged = judgeOutcome(end.outcome, run.state);
    const answer = answerRunEvent(run.state, EVENT_OF[stateOfOutcome(judged)]);
    if (answer === "refused" || answer === "ignored") {
      throw new ParallaxError("run_terminal", `the run has ended as ${run.state}`, {
        details: { status: run.state, outcome: run.outcome },
      });
    }
    // given up too early: what ends now is this attempt, and the rest of its log is on its way
    if (attempt !== null && attempt.endedAt !== null) await reopenAttempt(tx, run.id, run.attempt);
    await changeAttempt(tx, run.id, run.attempt, {
      endHash: hash,
      ...(end.log === null ? {} : { lastFrame: end.log.lastFrame, logBytes: end.log.bytes, logSha256: end.log.sha256 }),
    });
    const itemsTaken = end.itemsTaken ?? (run.plain ? await itemsOfOffer(tx, run) : []);
    await endRun(deps, tx, effects, session, run, { ...end, outcome: judged, itemsTaken });
    if (end.finishSession === true) await finishSession(tx, run);
    return { status: answer, repeated: false };
  });
}

/** A turn that was cut short because of a stop is a stop, whatever the agent made of its signal. */
function judgeOutcome(outcome: Outcome, state: string): Outcome {
  return state === "stopping" && outcome === "interrupted" ? "stopped" : outcome;
}

/** A plain runner cannot say what its agent took: it was given the message with the offer, and it reports the end. */
async function itemsOfOffer(tx: Tx, run: RunRecord): Promise<string[]> {
  return (await findItemsOfRun(tx, run.id)).filter((item) => item.attempt === run.attempt).map((item) => item.id);
}

async function finishSession(tx: Tx, run: RunRecord): Promise<void> {
  const session = await lockSession(tx, run.projectId, run.sessionId);
  if (session !== null) await moveSession(tx, session, "finish");
}

function hashOfEnd(end: AttemptEnd): string {
  const { incarnation, outcome, error, resultText, resultData, log } = end;
  return createHash("sha256")
    .update(JSON.stringify([incarnation, outcome, error ?? null, resultText ?? null, resultData ?? null, log]))
    .digest("hex");
}
