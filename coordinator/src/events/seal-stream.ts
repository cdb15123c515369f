/**
 * Seal: the run's sequence is complete; its last event is `log_sealed` with size and hash.
 * Called by: a completion, the last remainder of frames, the end of a run without attempts, the sweep for overdue remainders.
 * Writes: events, streams, attempts.  Emits: events wake.
 */
import { createHash } from "node:crypto";
import { type Deps, TOPICS } from "../deps.ts";
import type { Effects } from "../effects.ts";
import { changeAttempt, findAttempts } from "../store/attempts.ts";
import { appendEvents, findStream, readAttemptFrames, sealStream } from "../store/events.ts";
import type { AttemptRecord } from "../store/records.ts";
import type { Tx } from "../store/store.ts";
import { frameLine } from "./frame-line.ts";

const PAGE = 500;

/** Seals the attempt's part when all its frames have arrived; then the run's, if it has ended. */
export async function sealAttempt(
  deps: Deps,
  tx: Tx,
  effects: Effects,
  runId: string,
  attemptNumber: number,
  overdue = false,
): Promise<void> {
  const all = await findAttempts(tx, runId);
  const attempt = all.find((candidate) => candidate.attempt === attemptNumber);
  if (attempt === undefined || attempt.logState !== "open" || attempt.endedAt === null) return;
  const complete = attempt.lastFrame !== null && attempt.nextFrame > attempt.lastFrame;
  const hasFrames = attempt.incarnation !== null;
  if (hasFrames && !complete && !overdue) return;
  const read = await hashFrames(tx, runId, attemptNumber);
  const verified = !hasFrames || (complete && attempt.logSha256 === read.sha256);
  await changeAttempt(tx, runId, attemptNumber, { logState: verified ? "sealed" : "incomplete" });
  await closeOlderParts(deps, tx, runId, all, attemptNumber);
  await appendEvents(tx, runId, [
    {
      attempt: attemptNumber,
      frame: null,
      type: "log_sealed",
      at: new Date(deps.clock.now()).toISOString(),
      data: JSON.stringify({ complete: verified, bytes: read.bytes, sha256: read.sha256, frames: read.frames }),
    },
  ]);
  await sealStream(tx, runId);
  effects.wake(TOPICS.events, runId);
}

/** A run that ends without ever having been claimed has an empty log, and that is said too. */
export async function sealWithoutAttempt(deps: Deps, tx: Tx, runId: string): Promise<void> {
  const stream = await findStream(tx, runId);
  if (stream === null || stream.sealed) return;
  await appendEvents(tx, runId, [
    {
      attempt: 0,
      frame: null,
      type: "log_sealed",
      at: new Date(deps.clock.now()).toISOString(),
      data: JSON.stringify({ complete: true, bytes: 0, sha256: createHash("sha256").digest("hex"), frames: 0 }),
    },
  ]);
  await sealStream(tx, runId);
}

/** The part of a superseded attempt ends where the newer one was claimed. */
async function closeOlderParts(
  deps: Deps,
  tx: Tx,
  runId: string,
  all: readonly AttemptRecord[],
  newest: number,
): Promise<void> {
  for (const attempt of all) {
    if (attempt.attempt >= newest || attempt.logState !== "open" || attempt.incarnation === null) continue;
    await changeAttempt(tx, runId, attempt.attempt, { logState: "cut" });
    await appendEvents(tx, runId, [
      {
        attempt: attempt.attempt,
        frame: null,
        type: "log_cut",
        at: new Date(deps.clock.now()).toISOString(),
        data: JSON.stringify({ frames: attempt.nextFrame - 1, reason: attempt.endReason }),
      },
    ]);
  }
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
