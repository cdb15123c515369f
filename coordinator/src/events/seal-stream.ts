/**
 * Seal: the run's sequence is complete; its last event is `log_sealed` with size and hash.
 * Called by: the effects of a completion, the last remainder of frames, the end of a run without attempts, the sweep for overdue remainders.
 * Writes: events, streams, attempts.  Emits: events wake.
 */
import { createHash } from "node:crypto";
import { type Deps, TOPICS } from "../deps.ts";
import { transact } from "../effects.ts";
import { changeAttempt, findAttempt, findAttempts } from "../store/attempts.ts";
import { appendEvents, findStream, type NewEvent, readAttemptFrames, sealStream } from "../store/events.ts";
import type { AttemptRecord } from "../store/records.ts";
import { lockRun } from "../store/runs.ts";
import type { Tx } from "../store/store.ts";
import { frameLine } from "./frame-line.ts";

const PAGE = 500;

export interface SealOrder {
  readonly runId: string;
  readonly attempt: number;
  /** The time for a remainder is over. */
  readonly overdue: boolean;
}

/**
 * Seals the attempt's part when all its frames have arrived, or when nobody can deliver the rest. The frames are hashed outside any
 * transaction: they are immutable, and an end must not wait for a long log.
 */
export async function sealAttempt(deps: Deps, order: SealOrder): Promise<void> {
  const { runId, attempt } = order;
  const ready = await readyToSeal(deps.store.db, order);
  if (ready === null) return;
  const read = await hashFrames(deps.store.db, runId, attempt);
  await transact(deps, async (tx, effects) => {
    await lockRun(tx, runId);
    const still = await readyToSeal(tx, order);
    if (still === null || still.nextFrame !== ready.nextFrame) return;
    const complete = still.lastFrame !== null && still.nextFrame > still.lastFrame;
    const verified = still.incarnation === null || (complete && still.logSha256 === read.sha256);
    await changeAttempt(tx, runId, attempt, { logState: verified ? "sealed" : "incomplete" });
    await closeOlderParts(deps, tx, runId, attempt);
    const { bytes, sha256, frames } = read;
    await appendEvents(tx, runId, [
      ownEvent(deps, attempt, "log_sealed", { complete: verified, bytes, sha256, frames }),
    ]);
    await sealStream(tx, runId);
    effects.wake(TOPICS.events, runId);
  });
}

async function readyToSeal(tx: Tx, { runId, attempt: number, overdue }: SealOrder): Promise<AttemptRecord | null> {
  const attempt = await findAttempt(tx, runId, number);
  if (attempt === null || attempt.logState !== "open" || attempt.endedAt === null) return null;
  const complete = attempt.lastFrame !== null && attempt.nextFrame > attempt.lastFrame;
  // a lost attempt has nobody left who could deliver the rest
  const abandoned = attempt.endReason === "lost" || attempt.endReason === "given_up";
  return attempt.incarnation === null || complete || abandoned || overdue ? attempt : null;
}

/** A run that ends without ever having been claimed has an empty log, and that is said too. */
export async function sealWithoutAttempt(deps: Deps, tx: Tx, runId: string): Promise<void> {
  const stream = await findStream(tx, runId);
  if (stream === null || stream.sealed) return;
  const empty = { complete: true, bytes: 0, sha256: createHash("sha256").digest("hex"), frames: 0 };
  await appendEvents(tx, runId, [ownEvent(deps, 0, "log_sealed", empty)]);
  await sealStream(tx, runId);
}

/** The part of a superseded attempt ends where the newer one was claimed. */
async function closeOlderParts(deps: Deps, tx: Tx, runId: string, newest: number): Promise<void> {
  for (const attempt of await findAttempts(tx, runId)) {
    if (attempt.attempt >= newest || attempt.logState !== "open" || attempt.incarnation === null) continue;
    await changeAttempt(tx, runId, attempt.attempt, { logState: "cut" });
    const cut = { frames: attempt.nextFrame - 1, reason: attempt.endReason };
    await appendEvents(tx, runId, [ownEvent(deps, attempt.attempt, "log_cut", cut)]);
  }
}

/** An event of the coordinator's own: it has a place in the sequence, but no frame number. */
function ownEvent(deps: Deps, attempt: number, type: "log_sealed" | "log_cut", data: object): NewEvent {
  return { attempt, frame: null, type, at: new Date(deps.clock.now()).toISOString(), data: JSON.stringify(data) };
}

async function hashFrames(
  tx: Tx,
  runId: string,
  attempt: number,
): Promise<{ sha256: string; bytes: number; frames: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  let frames = 0;
  for (let after = 0; ; ) {
    const page = await readAttemptFrames(tx, runId, attempt, after, PAGE);
    for (const row of page) {
      if (row.frame === null) continue;
      const line = frameLine(row.frame, row.type, row.at, row.data);
      hash.update(line);
      bytes += Buffer.byteLength(line);
      frames++;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return { sha256: hash.digest("hex"), bytes, frames };
    after = last.seq;
  }
}
