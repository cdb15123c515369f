import { isErrorCode, ParallaxError } from "@parallax/shared/errors";
import type { ChildReport } from "../inbox/pay-duty.ts";

/** What a tool hands to the model: one JSON document, and what was left out of it in words. */
export interface ToolAnswer {
  readonly document: unknown;
  readonly isError: boolean;
  readonly note?: string;
}

export const RESULT_CHARACTERS_MAX = 50_000;

export function answerOf(document: unknown, note?: string): ToolAnswer {
  return note === undefined ? { document, isError: false } : { document, isError: false, note };
}

/** Where a hint of the REST surface would lead an agent nowhere. */
const HINTS: Readonly<Record<string, string>> = {
  blueprint_not_found: "list_agent_blueprints shows which there are",
  session_not_found: "list_agent_sessions shows the sessions you can use",
  session_not_settled:
    "get_agent_session_status shows when it is done; a session started with async_callback reports by itself",
};

export function errorAnswer(error: ParallaxError): ToolAnswer {
  const hint = HINTS[error.code] ?? error.hint;
  return {
    isError: true,
    document: {
      error: error.message,
      code: error.code,
      ...(hint === undefined ? {} : { hint }),
      ...(error.details === undefined ? {} : { details: error.details }),
    },
  };
}

/** A session outside the caller's reach and one that does not exist look the same. */
export function unknownSession(sessionId: string): ParallaxError {
  return new ParallaxError("session_not_found", `Session '${sessionId}' not found`);
}

/** How a child ended, in the words of a call that waited for it. */
export function reportAnswer(report: ChildReport): ToolAnswer {
  const { session_id, outcome } = report;
  if (report.status === "failed") {
    return {
      isError: true,
      document: {
        error: report.error ?? "The run failed.",
        code: isErrorCode(outcome) ? outcome : "agent_failed",
        session_id,
        outcome,
        ...(report.result_text === null ? {} : { result_text: cutResult(report.result_text, session_id, 0).text }),
      },
    };
  }
  return answerOf({
    session_id,
    result_text: report.result_text === null ? null : cutResult(report.result_text, session_id, 0).text,
    ...boundData(report.result_data),
    ...(outcome === "completed" ? {} : { outcome }),
  });
}

/** The part of a result that begins at `offset`, with the call that reads on. Counted in UTF-16 units, never inside a character. */
export function cutResult(
  text: string,
  sessionId: string,
  offset: number,
): { text: string; nextOffset: number | null } {
  const begin = intoCharacter(text, offset) ? offset + 1 : offset;
  let end = Math.min(text.length, begin + RESULT_CHARACTERS_MAX);
  if (intoCharacter(text, end)) end -= 1;
  if (end === text.length) return { text: text.slice(begin), nextOffset: null };
  const pointer = `[cut after ${end} of ${text.length} characters; get_agent_session_result with session_id "${sessionId}" and offset ${end} reads on]`;
  return { text: `${text.slice(begin, end)}\n\n${pointer}`, nextOffset: end };
}

function intoCharacter(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return index > 0 && unit >= 0xdc00 && unit <= 0xdfff;
}

/** Data is whole or absent: a cut JSON document would be none. */
export function boundData(data: unknown): { result_data: unknown; result_data_omitted?: string } {
  if (data === null || data === undefined) return { result_data: null };
  const { length } = JSON.stringify(data);
  if (length <= RESULT_CHARACTERS_MAX) return { result_data: data };
  return {
    result_data: null,
    result_data_omitted: `result_data has ${length} characters of JSON, more than a tool hands out; it is kept with the session`,
  };
}
