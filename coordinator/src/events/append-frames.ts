/**
 * Append: a batch of a supervisor's numbered frames becomes part of the run's sequence; the same call renews the lease.
 * Called by: POST …/attempts/{n}/events (an empty batch is a plain renewal).  Requires: the newest attempt and its bound supervisor.
 * Writes: runs (lease), attempts, streams, events (one transaction).  Emits: events wake.
 * Frames that were seen before are skipped; a gap is a 409 that says where to go on. After the end only the log's remainder is taken.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Frame } from "@parallax/shared/protocol/events";
import { isTerminalRun } from "@parallax/shared/run-state";
import { type Deps, TOPICS } from "../deps.ts";
import { transact } from "../effects.ts";
import { retakeRun } from "../leases/retake-run.ts";
import { fence } from "../runs/fence.ts";
import { changeAttempt, findAttempt } from "../store/attempts.ts";
import { acknowledgeDirectives, findOpenDirectives } from "../store/directives.ts";
import { appendEvents } from "../store/events.ts";
import { leaseFromNow } from "../store/leases.ts";
import type { AttemptRecord, DirectiveRecord, RunRecord } from "../store/records.ts";
import { changeRun, lockRun } from "../store/runs.ts";
import type { Tx } from "../store/store.ts";

export interface FrameBatch {
  readonly runId: string;
  readonly attempt: number;
  readonly incarnation: string;
  readonly frames: readonly Frame[];
  readonly acknowledgedDirectives: readonly number[];
}

export interface Renewal {
  readonly nextFrame: number;
  readonly stop: { readonly reason: string } | null;
  readonly directives: readonly DirectiveRecord[];
}

export async function appendFrames(deps: Deps, batch: FrameBatch): Promise<Renewal> {
  return await transact(deps, async (tx, effects) => {
    let run = await lockRun(tx, batch.runId);
    if (run === null) throw new ParallaxError("run_not_found", `no run ${batch.runId}`);
    fence(run, { runId: run.id, attempt: batch.attempt, runnerId: run.runnerId ?? "", proven: true });
    const attempt = await findAttempt(tx, run.id, run.attempt);
    if (attempt === null || attempt.incarnation !== batch.incarnation)
      throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
    if (run.state === "pending") run = await retakeRun(deps, tx, effects, run);
    const ended = isTerminalRun(run.state);
    if (ended && attempt.logState !== "open")
      throw new ParallaxError("run_terminal", `the run has ended as ${run.state} and its log is closed`);
    if (!ended) {
      await changeRun(tx, run.id, leaseFromNow(deps.limits.leaseTtlMs));
      await acknowledgeDirectives(tx, run.id, run.attempt, batch.acknowledgedDirectives);
    }
    const nextFrame = await takeFrames(tx, run, attempt, batch.frames);
    if (batch.frames.length > 0) effects.wake(TOPICS.events, run.id);
    if (ended) {
      effects.wake(TOPICS.log, run.id);
      return { nextFrame, stop: null, directives: [] };
    }
    return {
      nextFrame,
      stop: run.state === "stopping" ? { reason: run.stopReason ?? "stopped" } : null,
      directives: await findOpenDirectives(tx, run.id, run.attempt),
    };
  });
}

async function takeFrames(tx: Tx, run: RunRecord, attempt: AttemptRecord, frames: readonly Frame[]): Promise<number> {
  const fresh = frames.filter((frame) => frame.frame >= attempt.nextFrame);
  let expected = attempt.nextFrame;
  for (const frame of fresh) {
    if (frame.frame !== expected) {
      throw new ParallaxError("frame_gap", `expected frame ${expected}, got ${frame.frame}`, {
        details: { next_frame: attempt.nextFrame },
      });
    }
    expected++;
  }
  if (fresh.length === 0) return expected;
  await appendEvents(
    tx,
    run.id,
    fresh.map((frame) => ({
      attempt: run.attempt,
      frame: frame.frame,
      type: frame.type,
      at: frame.at,
      data: JSON.stringify(frame.data),
    })),
  );
  await changeAttempt(tx, run.id, run.attempt, { nextFrame: expected });
  return expected;
}
