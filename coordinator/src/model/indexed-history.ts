import { isActiveRun, isTerminalRun } from "@parallax/shared/run-state";
import type { AttemptRow, DutyRow, History, ItemRow, RunRow, SessionRow } from "../store/history.ts";

interface AuditBounds {
  readonly deliveriesMax: number;
  readonly offersMax: number;
  readonly slackMs: number;
}

/** The history with the ways through it that the checks take. */
export interface IndexedHistory {
  readonly history: History;
  readonly bounds: AuditBounds;
  readonly runById: ReadonlyMap<string, RunRow>;
  readonly attemptsOf: ReadonlyMap<string, readonly AttemptRow[]>;
  session(project: string, id: string): SessionRow | undefined;
  /** In the order in which they were made. */
  runsOf(session: SessionRow): readonly RunRow[];
  openRunsOf(session: SessionRow): readonly RunRow[];
  activeRunOf(session: SessionRow): RunRow | undefined;
  itemsOf(session: SessionRow): readonly ItemRow[];
  owedTo(session: SessionRow): readonly DutyRow[];
  owedBy(session: SessionRow): readonly DutyRow[];
  /** It lies so far back that a sweep must have seen it. */
  longPast(ms: number | null): boolean;
}

const keyOf = (project: string, session: string) => `${project} ${session}`;

export function indexHistory(history: History, bounds: AuditBounds): IndexedHistory {
  const sessions = new Map(history.sessions.map((session) => [keyOf(session.project, session.id), session]));
  const runs = Map.groupBy(history.runs, (run) => keyOf(run.project, run.session));
  const items = Map.groupBy(history.items, (item) => keyOf(item.project, item.session));
  const owed = history.duties.filter((duty) => duty.owed);
  const owedByParent = Map.groupBy(owed, (duty) => keyOf(duty.project, duty.parent));
  const owedByChild = Map.groupBy(owed, (duty) => keyOf(duty.project, duty.child));
  const of =
    <T>(map: ReadonlyMap<string, readonly T[]>) =>
    (session: SessionRow): readonly T[] =>
      map.get(keyOf(session.project, session.id)) ?? [];
  const runsOf = of(runs);
  return {
    history,
    bounds,
    runById: new Map(history.runs.map((run) => [run.id, run])),
    attemptsOf: Map.groupBy(history.attempts, (attempt) => attempt.run),
    session: (project, id) => sessions.get(keyOf(project, id)),
    runsOf,
    openRunsOf: (session) => runsOf(session).filter((run) => !isTerminalRun(run.state)),
    activeRunOf: (session) => runsOf(session).find((run) => isActiveRun(run.state)),
    itemsOf: of(items),
    owedTo: of(owedByParent),
    owedBy: of(owedByChild),
    longPast: (ms) => ms !== null && ms < history.nowMs - bounds.slackMs,
  };
}
