import { open } from "node:fs/promises";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import type { RunnerDeps } from "../deps.ts";
import { isObject } from "../http/classify-answer.ts";
import { type AttemptClient, createAttemptClient } from "../supervisor/attempt-client.ts";
import { readNextFrame } from "../supervisor/lease-answer.ts";
import type { AttemptFiles } from "./attempt-files.ts";
import { readJsonFile } from "./durable-file.ts";
import type { LiveAttempt } from "./live-attempts.ts";

/** completed: the completion found was delivered. superseded: nobody wants it any more. nothing: there was none, or it was refused. */
export type Leftovers = "completed" | "superseded" | "nothing";

/** Before a loss is reported, since frames are refused once the next attempt was claimed; short, since nobody should wait for a log. */
const FRAMES_BEFORE_LOSS_MS = 1_000;
const FRAMES_AFTER_COMPLETION_MS = 60_000;
const BATCH_BYTES = DEFAULT_LIMITS.frameBatchBytesMax;

/** Speaks for a dead supervisor, with its token and its incarnation. */
export async function deliverLeftovers(deps: RunnerDeps, { spec, files }: LiveAttempt): Promise<Leftovers> {
  const bound = await readJsonFile(files.incarnation);
  const incarnation = isObject(bound) ? bound["incarnation"] : undefined;
  if (typeof incarnation !== "string") return "nothing";
  const client = createAttemptClient(deps.http, spec, incarnation);
  const completion = await readJsonFile(files.completion);
  if (completion === null) {
    await deliverFrames(client, files, incarnation, timeout(deps, FRAMES_BEFORE_LOSS_MS));
    return "nothing";
  }
  const result = await client.postUntilAnswered("completed", JSON.stringify(completion), deps.exiting);
  if (result === null || result.kind === "end_attempt") return "superseded";
  if (result.kind === "refused") {
    deps.log.error(
      { code: result.refusal.code, runId: spec.run.run_id },
      "The completion of a dead supervisor was refused",
    );
    return result.refusal.status === 404 ? "superseded" : "nothing";
  }
  await deliverFrames(client, files, incarnation, timeout(deps, FRAMES_AFTER_COMPLETION_MS));
  return "completed";
}

function timeout(deps: RunnerDeps, ms: number): AbortSignal {
  return AbortSignal.any([deps.exiting, AbortSignal.timeout(ms)]);
}

/** Sends the frames of a spool that nobody writes any more, from where the coordinator says that it is. */
async function deliverFrames(
  client: AttemptClient,
  files: AttemptFiles,
  incarnation: string,
  signal: AbortSignal,
): Promise<void> {
  const empty = JSON.stringify({ incarnation, frames: [] });
  const asked = await client.postUntilAnswered("events", empty, signal);
  let next = asked?.kind === "ok" ? readNextFrame(asked.body) : null;
  if (next === null) return;
  for await (const lines of readBatches(files.frames, next)) {
    const body = `{"incarnation":${JSON.stringify(incarnation)},"frames":[${lines.join(",")}]}`;
    const result = await client.postUntilAnswered("events", body, signal);
    next = result?.kind === "ok" ? readNextFrame(result.body) : null;
    if (next === null) return;
  }
}

/** Batches of whole lines from frame `first` on. A line that a crash cut short is not one. */
async function* readBatches(path: string, first: number): AsyncGenerator<string[]> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return;
  try {
    let batch: string[] = [];
    let bytes = 0;
    let frame = 0;
    for await (const line of file.readLines()) {
      frame += 1;
      if (frame < first || !line.endsWith("}")) continue;
      if (batch.length >= DEFAULT_LIMITS.frameBatchCountMax || bytes + line.length > BATCH_BYTES) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      batch.push(line);
      bytes += Buffer.byteLength(line);
    }
    if (batch.length > 0) yield batch;
  } finally {
    await file.close();
  }
}
