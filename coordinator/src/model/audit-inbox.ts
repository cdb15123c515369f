import { isTerminalRun } from "@parallax/shared/run-state";
import type { DutyRow, ItemRow, SessionRow } from "../store/history.ts";
import type { IndexedHistory } from "./indexed-history.ts";

/** I7: every settled child that owes a report has paid it once; every item is consumed, or visible where it can go on from. */
export function auditInbox(indexed: IndexedHistory): string[] {
  const { history } = indexed;
  const itemsByDuty = Map.groupBy(history.items, (item) => item.duty);
  return [
    ...history.duties.flatMap((duty) => paidOnce(duty, itemsByDuty.get(duty.id) ?? [], indexed)),
    ...history.items.flatMap((item) => goesOn(item, indexed)),
    ...history.sessions.flatMap((session) => settledTruly(session, indexed)),
    ...everyCallbackIsOwed(indexed),
  ];
}

function paidOnce(duty: DutyRow, items: readonly ItemRow[], indexed: IndexedHistory): string[] {
  const what = `${duty.id} of ${duty.child} to ${duty.parent}`;
  const violations: string[] = [];
  if (items.length !== (duty.owed ? 0 : 1))
    violations.push(`I7: duty ${what} is ${duty.owed ? "owed" : "paid"} and has ${items.length} items`);
  for (const item of items)
    if (item.session !== duty.parent || item.child !== duty.child || item.kind !== "child_done")
      violations.push(`I7: duty ${what} became a ${item.kind} of ${item.child} to ${item.session}`);
  const child = indexed.session(duty.project, duty.child);
  if (duty.owed && child === undefined) violations.push(`I7: duty ${what} is owed by nobody: the child is gone`);
  if (duty.owed && child?.settled === true) violations.push(`I7: duty ${what} is owed, but the child is settled`);
  return violations;
}

function goesOn(item: ItemRow, indexed: IndexedHistory): string[] {
  const wrong = (why: string) => [`I7: item ${item.id} of ${item.session} is ${item.state}, but ${why}`];
  const run = item.run === null ? undefined : indexed.runById.get(item.run);
  if (item.state === "assigned" || item.state === "taken") {
    if (run === undefined) return wrong("its run is gone");
    if (run.session !== item.session) return wrong(`its run is ${run.session}'s`);
    if (isTerminalRun(run.state)) return wrong(`its run has ended as ${run.state}`);
    if (item.state === "taken" && item.attempt !== run.attempt)
      return wrong(`attempt ${item.attempt} took it and ${run.attempt} is the newest`);
    if (item.attempt !== null && item.attempt > run.attempt) return wrong("no such attempt was told of it");
  }
  return item.state === "new" ? waitsVisibly(item, indexed, wrong) : [];
}

function waitsVisibly(item: ItemRow, indexed: IndexedHistory, wrong: (why: string) => string[]): string[] {
  const session = indexed.session(item.project, item.session);
  if (session === undefined) return wrong("its session is gone");
  const active = indexed.activeRunOf(session);
  if (item.reservedBy !== null) {
    const [runId] = item.reservedBy.split("/");
    const holder = runId === undefined ? undefined : indexed.runById.get(runId);
    return holder !== undefined && holder.id === active?.id
      ? []
      : wrong(`${item.reservedBy}, which reserved it, is over`);
  }
  if (session.held || active !== undefined) return [];
  if (item.pausedUntilMs !== null && !indexed.longPast(item.pausedUntilMs)) return [];
  if (item.kind === "child_done" && groupIsOpen(item, indexed)) return [];
  return wrong("nothing keeps it from being delivered");
}

function groupIsOpen(item: ItemRow, { runById, history }: IndexedHistory): boolean {
  if (item.group === null || runById.get(item.group)?.join !== "all") return false;
  return history.duties.some((duty) => duty.owed && duty.group === item.group);
}

function settledTruly(session: SessionRow, indexed: IndexedHistory): string[] {
  const open = indexed.openRunsOf(session).length;
  const owed = indexed.owedTo(session).length;
  const waiting = indexed.itemsOf(session).filter((item) => ["new", "assigned", "taken"].includes(item.state)).length;
  const shouldBe = open === 0 && (session.held || owed + waiting === 0);
  if (shouldBe === session.settled) return [];
  return [
    `I7: ${session.id} (${session.state}${session.held ? ", held" : ""}) is ${session.settled ? "settled" : "not settled"}: ` +
      `${open} open runs, awaits ${owed} children, ${waiting} items wait`,
  ];
}

/** What was promised when a run was made: its parent will hear of its end. */
function everyCallbackIsOwed({ history, session }: IndexedHistory): string[] {
  return history.runs.flatMap((run) => {
    if (run.parent === null || !(run.mode === "async_callback" || (run.mode === "sync" && run.byAgent))) return [];
    // a deleted parent is owed nothing any more
    if (session(run.project, run.parent) === undefined) return [];
    const known = history.duties.some(
      (duty) => duty.project === run.project && duty.child === run.session && duty.parent === run.parent,
    );
    return known ? [] : [`I7: ${run.id} promised ${run.parent} a report, and nobody owes it`];
  });
}
