import { rm } from "node:fs/promises";
import type { Ending, EndingError } from "@parallax/shared/executor/adapter";
import type { Completion } from "@parallax/shared/protocol/attempts";
import type { AttemptFiles } from "../attempts/attempt-files.ts";
import { writeDurably } from "../attempts/durable-file.ts";
import { pause } from "../http/backoff.ts";
import type { AttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import type { TreeExit } from "./process-tree/process-tree.ts";
import { cleanText, cleanValue } from "./spool/fit-event.ts";
import type { SpoolSeal } from "./spool/spool.ts";

const RESULT_TEXT_BYTES_MAX = 1024 * 1024;
const RESULT_DATA_BYTES_MAX = 4 * 1024 * 1024;
const ERROR_MESSAGE_LENGTH_MAX = 60_000;
const BAD_BODY_STATUSES: ReadonlySet<number> = new Set([400, 413, 422]);
/** Credentials may be mended; work that is done is not thrown away for them. */
const REFUSED_PAUSE_MS = 5_000;

export interface CompletionFacts {
  readonly incarnation: string;
  readonly ending: Ending;
  readonly exit: TreeExit | null;
  readonly executorSessionId: string | null;
  readonly itemsTaken: readonly string[];
  readonly seal: SpoolSeal;
}

export function makeCompletion(facts: CompletionFacts): Completion {
  const { ending, exit, seal } = facts;
  return {
    incarnation: facts.incarnation,
    outcome: ending.outcome,
    result_text: ending.resultText === null ? null : cutResult(cleanText(ending.resultText)),
    result_data: boundData(ending.resultData),
    error: ending.error === null ? null : makeError(ending.error),
    usage: ending.usage === null ? null : cleanObject(ending.usage),
    executor_session_id: facts.executorSessionId,
    items_taken: [...facts.itemsTaken],
    exit: exit === null ? null : { exit_code: exit.exitCode, signal: exit.signal, duration_ms: exit.durationMs },
    last_frame: seal.lastFrame,
    log_bytes: seal.logBytes,
    log_sha256: seal.logSha256,
    capsule: null,
  };
}

function makeError(error: EndingError): Completion["error"] {
  return {
    code: error.code,
    message: cleanText(error.message).slice(0, ERROR_MESSAGE_LENGTH_MAX).toWellFormed(),
    ...(error.hint === undefined ? {} : { hint: cleanText(error.hint).slice(0, 4000).toWellFormed() }),
    ...(error.details === undefined ? {} : { details: cleanObject(error.details) }),
  };
}

/** What a cap cuts is said. */
function cutResult(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= RESULT_TEXT_BYTES_MAX) return text;
  const note = `\n[cut: the result has ${bytes.length} bytes, ${RESULT_TEXT_BYTES_MAX} are kept]`;
  return bytes.toString("utf8", 0, RESULT_TEXT_BYTES_MAX - note.length).replace(/\ufffd$/, "") + note;
}

function boundData(data: unknown): unknown {
  if (data === undefined || data === null) return null;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  return bytes <= RESULT_DATA_BYTES_MAX ? cleanValue(data) : { truncated: true, original_bytes: bytes };
}

/** What an agent says of itself must not be able to make its finished work unreportable. */
function cleanObject(value: object): Record<string, unknown> {
  return cleanValue(value) as Record<string, unknown>;
}

export interface ReportDeps {
  readonly client: AttemptClient;
  readonly log: AttemptLog;
  readonly over: AttemptOver;
}

/** acknowledged: the coordinator has it. superseded: it is nobody's business any more. refused: it will never be taken. */
export type ReportResult = "acknowledged" | "superseded" | "refused";

/** On disk first: whoever finds the directory after a crash can deliver it. Then repeated until there is an answer. */
export async function reportCompletion(
  deps: ReportDeps,
  files: AttemptFiles,
  completion: Completion,
  flushed: Promise<unknown>,
): Promise<ReportResult> {
  try {
    await writeDurably(files.completion, JSON.stringify(completion));
  } catch (error) {
    // A full disk must not cost the result as well: it can still be told, only not by somebody else after a crash.
    deps.log.error({ err: String(error) }, "the completion could not be written down");
  }
  await flushed;
  const result = await deliverCompletion(deps, completion);
  if (result !== "refused") return result;
  // What was refused is what the agent said; that it ended can still be told.
  return deliverCompletion(deps, {
    ...completion,
    outcome: completion.outcome === "stopped" ? "stopped" : "executor_error",
    result_text: null,
    result_data: null,
    usage: null,
    error: { code: "internal", message: "The coordinator refused the report of this run's result." },
  });
}

async function deliverCompletion(deps: ReportDeps, completion: Completion): Promise<ReportResult> {
  const body = JSON.stringify(completion);
  while (!deps.over.signal.aborted) {
    const result = await deps.client.postUntilAnswered("completed", body, deps.over.signal);
    if (result === null || result.kind === "end_attempt") return "superseded";
    if (result.kind !== "refused") return "acknowledged";
    const { status, code, message } = result.refusal;
    deps.log.error({ status, code, reason: message }, "the completion was refused");
    if (status === 404) return "superseded";
    if (BAD_BODY_STATUSES.has(status)) return "refused";
    await pause(REFUSED_PAUSE_MS, deps.over.signal);
  }
  return "superseded";
}

export async function removeAttempt(files: AttemptFiles): Promise<void> {
  await rm(files.dir, { recursive: true, force: true });
}
