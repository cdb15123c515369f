import { activeRun, groupIsOpen, headOf, isPaused, isSettled, lastEnd, newestRun, owedBy } from "./rules.ts";
import type { Duty, Item, Run, Session, World } from "./world.ts";

/**
 * Applies what the fleet owes until nothing more follows: a settled child's report is at its parent, and what waits in an inbox is part
 * of exactly one run's message as soon as nothing stands in the way.
 */
export function comeToRest(world: World): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const session of world.sessions) moved = reportEnd(world, session) || wake(world, session) || moved;
  }
}

function reportEnd(world: World, session: Session): boolean {
  const owed = owedBy(world, session.id);
  if (owed.length === 0 || !isSettled(world, session)) return false;
  for (const duty of owed) pay(world, duty, lastEnd(world, session.id)?.outcome ?? null, "new");
  return true;
}

export function pay(world: World, duty: Duty, says: Item["says"], state: "new" | "consumed"): void {
  const item: Item = { ...emptyItem(duty.parent), child: duty.child, group: duty.group, says, state };
  world.items.push(item);
  duty.item = item;
}

export const emptyItem = (session: string): Item => ({
  id: null,
  session,
  child: null,
  group: null,
  says: null,
  state: "new",
  run: null,
  told: null,
  deliveries: 0,
  paused: false,
  reservedBy: null,
});

function wake(world: World, session: Session): boolean {
  if (session.held || activeRun(world, session.id) !== undefined) return false;
  const due = world.items.filter(
    (item) =>
      item.session === session.id &&
      item.state === "new" &&
      !item.paused &&
      item.reservedBy === null &&
      !groupIsOpen(world, item.group),
  );
  if (due.length === 0) return false;
  const target = absorber(world, session) ?? oweResume(world, session);
  for (const item of due) Object.assign(item, { state: "assigned", run: target, told: null } satisfies Partial<Item>);
  return true;
}

/** What is owed goes out with the next run, unless that one waits for a time of its own. */
function absorber(world: World, session: Session): Run | undefined {
  const head = headOf(world, session.id);
  return head !== undefined && (head.attempt > 0 || !isPaused(head)) ? head : undefined;
}

function oweResume(world: World, session: Session): Run {
  const like = newestRun(world, session.id);
  if (like === undefined) throw new Error(`session ${session.id} without a run`);
  const run: Run = {
    ...like,
    id: null,
    made: ++world.time,
    type: "resume_session",
    owed: true,
    mode: "sync",
    parentRun: null,
    state: "pending",
    outcome: null,
    ended: 0,
    expires: false,
    waitsForTime: false,
    offerPaused: false,
    attempt: 0,
    deliveries: 0,
    offers: 0,
  };
  world.runs.push(run);
  world.made.set(session.root, (world.made.get(session.root) ?? 0) + 1);
  return run;
}
