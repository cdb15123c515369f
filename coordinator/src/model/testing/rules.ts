import { isActiveRun, isTerminalRun } from "@parallax/shared/run-state";
import type { Duty, Item, ModelRunner, Run, Session, World } from "./world.ts";

/** What follows from a state, without a word on how it came about. */

export const sessionOf = (world: World, id: string): Session | undefined =>
  world.sessions.find((session) => session.id === id);

const runsOf = (world: World, session: string): Run[] => world.runs.filter((run) => run.session === session);

export const openRuns = (world: World, session: string): Run[] =>
  runsOf(world, session).filter((run) => !isTerminalRun(run.state));

export const activeRun = (world: World, session: string): Run | undefined =>
  runsOf(world, session).find((run) => isActiveRun(run.state));

export const newestRun = (world: World, session: string): Run | undefined => runsOf(world, session).at(-1);

/** The end that came last. */
export const lastEnd = (world: World, session: string): Run | undefined =>
  runsOf(world, session)
    .filter((run) => isTerminalRun(run.state))
    .toSorted((one, other) => one.ended - other.ended)
    .at(-1);

export const isOwed = (duty: Duty): boolean => duty.item === null;
const owedTo = (world: World, parent: string): Duty[] =>
  world.duties.filter((duty) => duty.parent === parent && isOwed(duty));
export const owedBy = (world: World, child: string): Duty[] =>
  world.duties.filter((duty) => duty.child === child && isOwed(duty));

const UNDELIVERED = new Set<Item["state"]>(["new", "assigned", "taken"]);

/** Nothing of it is open, and it awaits nothing; what a stop holds back is not awaited. */
export function isSettled(world: World, session: Session): boolean {
  if (openRuns(world, session.id).length > 0) return false;
  if (session.held) return true;
  const waiting = world.items.some((item) => item.session === session.id && UNDELIVERED.has(item.state));
  return !waiting && owedTo(world, session.id).length === 0;
}

export const isPaused = (run: Run): boolean => run.waitsForTime || run.offerPaused;

/** The next in a session's line: what was begun before goes first, then by age; who waits for a time lets others by. */
export function headOf(world: World, session: string): Run | undefined {
  const pending = openRuns(world, session).filter((run) => run.state === "pending");
  return pending.find((run) => run.attempt > 0) ?? pending.find((run) => !isPaused(run));
}

export function isReady(world: World, run: Run): boolean {
  const session = sessionOf(world, run.session);
  if (run.state !== "pending" || session === undefined || session.occupied) return false;
  return activeRun(world, run.session) === undefined && headOf(world, run.session) === run && !isPaused(run);
}

/** Why a pending run is not ready. */
export function waitingFor(world: World, run: Run): string | null {
  if (run.state !== "pending" || isReady(world, run)) return null;
  if (run.offerPaused) return "offer_paused";
  if (run.waitsForTime) return "not_before";
  const busy = activeRun(world, run.session) !== undefined;
  return sessionOf(world, run.session)?.occupied === true && !busy ? "session_occupied" : "session_busy";
}

/** The best ready run that this poll may get. */
export function claimable(world: World, runner: ModelRunner, pollId: string, only: Run | null): Run | null {
  if (world.attempts.some((attempt) => attempt.runner === runner && attempt.pollId === pollId && attempt.lapsed))
    return null;
  const candidates = world.runs
    .filter((run) => isReady(world, run) && (only === null || run === only) && !isPassedOver(world, runner, run))
    .toSorted((one, other) => one.priority - other.priority || one.made - other.made);
  return candidates[0] ?? null;
}

/** A plain runner never gets a run twice; who let its offer lapse is not the next while there is somebody else. */
function isPassedOver(world: World, runner: ModelRunner, run: Run): boolean {
  const earlier = world.attempts.filter((attempt) => attempt.run === run && attempt.runner === runner);
  if (runner.plain && earlier.length > 0) return true;
  return world.runners.length > 1 && earlier.some((attempt) => attempt.number === run.attempt && attempt.lapsed);
}

/** With join `all` a group's reports wait until all of them are there. */
export const groupIsOpen = (world: World, group: Run | null): boolean =>
  group !== null && group.join === "all" && world.duties.some((duty) => duty.group === group && isOwed(duty));

/** Whether `session` waits for `other`, directly or through others. */
export function awaits(world: World, session: string, other: string, seen = new Set<string>()): boolean {
  return owedBy(world, other).some((duty) => {
    if (duty.parent === session) return true;
    if (seen.has(duty.parent)) return false;
    seen.add(duty.parent);
    return awaits(world, session, duty.parent, seen);
  });
}

/** The session and all below it, parents first. */
export function subtree(world: World, id: string): string[] {
  const found = [id];
  for (const above of found) for (const session of world.sessions) if (session.parent === above) found.push(session.id);
  return found;
}
