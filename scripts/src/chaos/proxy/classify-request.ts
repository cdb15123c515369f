/** Which call of the runner protocol a request is. */
export type CallKind =
  | "register"
  | "claim"
  | "heartbeat"
  | "started"
  | "lost"
  | "hello"
  | "events"
  | "directives"
  | "bind"
  | "taken"
  | "delivered"
  | "completed"
  | "mcp"
  | "other";

export interface ClassifiedCall {
  readonly kind: CallKind;
  readonly runId: string | null;
  readonly attempt: number | null;
}

const OF_ATTEMPT =
  /^\/runner\/runs\/([^/?]+)\/attempts\/(\d+)\/(hello|events|directives|bind|taken|delivered|completed)/;
const OF_RUN = /^\/runner\/runs\/([^/?]+)\/(started|lost)/;

export function classifyRequest(path: string): ClassifiedCall {
  const ofAttempt = OF_ATTEMPT.exec(path);
  if (ofAttempt !== null) {
    return { kind: ofAttempt[3] as CallKind, runId: ofAttempt[1] ?? null, attempt: Number(ofAttempt[2]) };
  }
  const ofRun = OF_RUN.exec(path);
  if (ofRun !== null) return { kind: ofRun[2] as CallKind, runId: ofRun[1] ?? null, attempt: null };
  return { kind: kindOfPath(path), runId: null, attempt: null };
}

function kindOfPath(path: string): CallKind {
  if (path.startsWith("/runner/runs?") || path === "/runner/runs") return "claim";
  if (path.startsWith("/runner/register")) return "register";
  if (path.startsWith("/runner/heartbeat")) return "heartbeat";
  return path.startsWith("/mcp") ? "mcp" : "other";
}
