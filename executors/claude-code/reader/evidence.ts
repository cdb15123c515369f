/** What a reader has seen that decides how the attempt ended. */
import type { Fields } from "./json-fields.ts";

const TAIL_CHARS_MAX = 4_000;

interface Denial {
  readonly toolUseId: string;
  readonly tool: string;
}

/** An error of the model's API, as the CLI told it in a synthetic reply. */
interface ApiFailure {
  /** The CLI's word for it: authentication_failed, rate_limit, server_error, … */
  readonly kind: string | null;
  readonly status: number | null;
  readonly type: string | null;
  readonly text: string;
}

/** One attempt's evidence; the reader's parts write into it as lines come. */
export interface Evidence {
  bound: boolean;
  promptTaken: boolean;
  /** The CLI tells when it is busy and idle; versions that do not are believed at their first result. */
  tellsState: boolean;
  /** The newest result line; a process may say several, the last one counts. */
  result: Fields | null;
  apiFailure: ApiFailure | null;
  refused: boolean;
  /** When a usage limit that stopped the agent is lifted, ISO 8601. */
  limitResetsAt: string | null;
  limited: boolean;
  readonly denials: Map<string, Denial>;
  readonly usages: Fields[];
  /** The end of what it said outside of its protocol. */
  stderrTail: string;
  stdoutTail: string;
}

export function createEvidence(): Evidence {
  return {
    bound: false,
    promptTaken: false,
    tellsState: false,
    result: null,
    apiFailure: null,
    refused: false,
    limitResetsAt: null,
    limited: false,
    denials: new Map(),
    usages: [],
    stderrTail: "",
    stdoutTail: "",
  };
}

export function addToTail(tail: string, line: string): string {
  return `${tail}${line}\n`.slice(-TAIL_CHARS_MAX);
}
