import { isActiveRun } from "@parallax/shared/run-state";
import type { RunRow, SessionRow } from "../store/history.ts";
import type { IndexedHistory } from "./indexed-history.ts";

/** I1 one writer per session, I6 what is not terminal waits visibly, and for a reason that is true. */
export function auditSessions(indexed: IndexedHistory): string[] {
  const violations: string[] = [];
  for (const session of indexed.history.sessions) {
    violations.push(
      ...oneWriter(session, indexed),
      ...truthfulLook(session, indexed),
      ...waitsForAReason(session, indexed),
    );
  }
  for (const run of indexed.history.runs)
    if (indexed.session(run.project, run.session) === undefined) violations.push(`I6: ${run.id} has no session`);
  return violations;
}

function oneWriter(session: SessionRow, indexed: IndexedHistory): string[] {
  const active = indexed.openRunsOf(session).filter((run) => isActiveRun(run.state));
  const ready = indexed.openRunsOf(session).filter((run) => run.ready);
  const violations: string[] = [];
  if (active.length > 1) violations.push(`I1: ${session.id} has the active runs ${active.map((run) => run.id)}`);
  if (active.length + ready.length > 1)
    violations.push(`I1: ${session.id} has ${active.length} active and ${ready.length} ready runs`);
  return violations;
}

function truthfulLook(session: SessionRow, indexed: IndexedHistory): string[] {
  const open = indexed.openRunsOf(session);
  const wrong = (why: string) => [`I6: ${session.id} is ${session.state}, but ${why}`];
  if (session.state === "running" && !open.some((run) => run.attempt > 0)) return wrong("nothing of it was begun");
  if (session.state === "stopping" && !open.some((run) => run.state === "stopping")) return wrong("no run of it is");
  if (session.state === "idle" && open.length === 0 && !session.settled) return wrong("it is not settled");
  if (session.state === "waiting" && session.settled) return wrong("it is settled");
  return [];
}

function waitsForAReason(session: SessionRow, indexed: IndexedHistory): string[] {
  const pending = indexed.openRunsOf(session).filter((run) => run.state === "pending");
  if (pending.length === 0) return [];
  const busy = indexed.activeRunOf(session) !== undefined;
  const occupied = session.occupiedUntilMs !== null;
  const head = pending.find((run) => run.attempt > 0) ?? pending.find((run) => run.ready || !isPaused(run));
  // behind another run nobody looks whether a time has come
  const behind = busy || pending.some((run) => run.ready);
  const violations = pending.flatMap((run) => reasonOf(run, session, behind, indexed));
  if (!busy && !occupied && head !== undefined && !head.ready && !isPaused(head))
    violations.push(`I6: nothing keeps ${head.id} from being ready, and it is not`);
  return violations;
}

const isPaused = (run: RunRow) => run.waitingFor === "not_before" || run.waitingFor === "offer_paused";

function reasonOf(run: RunRow, session: SessionRow, behind: boolean, indexed: IndexedHistory): string[] {
  const wrong = (why: string) => [`I6: ${run.id} waits for ${run.waitingFor}, but ${why}`];
  if (run.ready) return run.waitingFor === null ? [] : wrong("it is ready");
  switch (run.waitingFor) {
    case "not_before":
    case "offer_paused":
      if (run.pausedUntilMs === null) return wrong("no time is set");
      return indexed.longPast(run.pausedUntilMs) && !behind ? wrong("that time has passed") : [];
    case "session_occupied":
      return indexed.longPast(session.occupiedUntilMs ?? 0) && !behind ? wrong("nothing occupies its session") : [];
    case "session_busy":
      return indexed.openRunsOf(session).length > 1 ? [] : wrong("it is the only one of its session");
    default:
      return wrong("nobody knows what that is");
  }
}
