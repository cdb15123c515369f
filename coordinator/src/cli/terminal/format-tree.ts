/** A session's tree with its runs: who did what, where, how long, and what came out. */
import type { TreeNode } from "@parallax/shared/protocol/sessions";
import { durationBetween, formatDuration } from "./format-time.ts";
import type { Io } from "./io.ts";
import { paintState, stateSign } from "./paint-state.ts";
import { cutTo, toOneLine } from "./strip-controls.ts";

export interface TreeLabels {
  /** What to call a runner; default its id. */
  readonly runner?: (runnerId: string) => string;
}

export function formatTree(io: Io, sessions: readonly TreeNode[], labels: TreeLabels = {}): string[] {
  const known = new Set(sessions.map((session) => session.session_id));
  const childrenOf = Map.groupBy(sessions, ({ parent_session_id: parent }) =>
    parent !== null && known.has(parent) ? parent : null,
  );
  const lines: string[] = [];
  const seen = new Set<string>();

  const add = (session: TreeNode, first: string, rest: string) => {
    if (seen.has(session.session_id)) return;
    seen.add(session.session_id);
    lines.push(`${io.paint("dim", first)}${sessionLine(io, session)}`);
    const children = childrenOf.get(session.session_id) ?? [];
    const stem = children.length > 0 ? "│  " : "   ";
    for (const run of session.runs) lines.push(`${io.paint("dim", rest + stem)}${runLine(io, run, labels)}`);
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      add(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
    }
  };
  for (const root of childrenOf.get(null) ?? []) add(root, "", "");
  return lines;
}

function sessionLine(io: Io, session: TreeNode): string {
  const id = toOneLine(session.session_id);
  const name = session.agent_name === null ? null : toOneLine(session.agent_name);
  const parts = [
    stateSign(io, session.status),
    name === null ? io.paint("bold", id) : `${io.paint("bold", name)}  ${io.paint("dim", id)}`,
    paintState(io, session.status),
    io.paint("dim", toOneLine(session.executor)),
  ];
  if (session.open_wake_ups > 0) parts.push(io.paint("yellow", `waits for ${session.open_wake_ups}`));
  return parts.join("  ");
}

function runLine(io: Io, run: TreeNode["runs"][number], labels: TreeLabels): string {
  const duration = durationBetween(run.started_at, run.completed_at);
  const runner = run.runner_id === null ? null : (labels.runner?.(run.runner_id) ?? run.runner_id);
  const facts = [
    run.type === "start_session" ? "start " : "resume",
    paintState(io, run.status, run.outcome ?? run.status),
    duration === null ? "" : formatDuration(duration),
    runner === null ? "" : io.paint("dim", `on ${toOneLine(runner)}`),
    run.attempt > 1 ? io.paint("yellow", `attempt ${run.attempt}`) : "",
  ].filter((fact) => fact !== "");
  const said = resultOf(run);
  return said === "" ? facts.join("  ") : `${facts.join("  ")}  ${io.paint("dim", said)}`;
}

const RESULT_CHARS_MAX = 60;

function resultOf(run: TreeNode["runs"][number]): string {
  const text = run.result_text ?? (typeof run.error?.message === "string" ? run.error.message : "");
  return cutTo(toOneLine(text), RESULT_CHARS_MAX);
}
