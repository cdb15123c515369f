import { type Outcome, stateOfOutcome } from "@parallax/shared/outcome";
import { pay } from "./come-to-rest.ts";
import { activeRun, isSettled, newestRun, openRuns, owedBy, sessionOf, subtree } from "./rules.ts";
import type { Item, Run, Session, World } from "./world.ts";

/** What each way of ending changes at once; what follows from it is `comeToRest`'s. */

interface Ending {
  readonly outcome: Outcome;
  /** What the agent's side says that its agent took; null when nobody of that side speaks. */
  readonly taken: readonly Item[] | null;
  readonly treeGone: boolean;
  /** The agent could not do anything with its message, whatever it says that it took. */
  readonly unheard?: boolean;
}

const NOT_HEARD = new Set<Outcome>(["usage_limited", "executor_error", "infra_error", "lost", "poison", "expired"]);

export function end(world: World, run: Run, { outcome, taken, treeGone, unheard }: Ending): void {
  const session = sessionOf(world, run.session);
  if (session === undefined) throw new Error("a run without a session");
  const active = run.state !== "pending";
  run.state = stateOfOutcome(outcome);
  run.outcome = outcome;
  run.ended = ++world.time;
  if (active && !treeGone) session.occupied = true;
  if (run.attempt > 0 || openRuns(world, session.id).length === 0) session.look = lookAfter(session, run);
  for (const item of world.items.filter((candidate) => candidate.run === run)) {
    const told = taken?.includes(item) === true && item.told === run.attempt;
    if (item.state === "assigned" && told) item.state = "taken";
    if (item.state === "taken" && taken !== null && !NOT_HEARD.has(outcome) && unheard !== true)
      item.state = "consumed";
    else if (item.state === "assigned" || item.state === "taken") giveBack(world, item, outcome !== "stopped");
  }
  releaseReserved(world, session.id);
}

/** A turn that ended well does not change the look of a session that was stopped or had failed before anything was started in it. */
function lookAfter(session: Session, run: Run): Session["look"] {
  if (run.state !== "completed") return run.state === "failed" ? "failed" : "stopped";
  return session.look === "stopped" || session.look === "failed" ? session.look : "rest";
}

function giveBack(world: World, item: Item, pause: boolean): void {
  const wasTold = item.told !== null;
  if (wasTold) item.deliveries++;
  item.state = item.deliveries >= world.limits.itemDeliveriesMax ? "set_aside" : "new";
  item.paused = pause && wasTold;
  item.run = null;
  item.told = null;
}

/** What a waiting call of an attempt that is over would have handed out is an ordinary report again. */
function releaseReserved(world: World, session: string): void {
  for (const item of world.items) if (item.session === session) item.reservedBy = null;
}

/** The time of the active run's lease, or of its offer, is over. */
export function lose(world: World, run: Run, treeGone: boolean): void {
  if (run.state === "claimed") lapse(world, run);
  else if (run.state === "stopping") end(world, run, { outcome: "stopped", taken: null, treeGone });
  else if (givenUpAs(world, run) !== null)
    end(world, run, { outcome: givenUpAs(world, run) ?? "lost", taken: null, treeGone });
  else loseOnce(world, run);
}

function givenUpAs(world: World, run: Run): Outcome | null {
  const plain = world.attempts.some((one) => one.run === run && one.number === run.attempt && one.runner.plain);
  if (run.onLost === "fail" || plain) return "lost";
  return run.deliveries >= world.limits.deliveriesMax ? "poison" : null;
}

/** It keeps its place and its message; what was read of that may be read twice. */
function loseOnce(world: World, run: Run): void {
  run.state = "pending";
  for (const item of world.items)
    if (item.run === run && item.state === "taken") {
      item.state = "assigned";
      item.deliveries++;
    }
  releaseReserved(world, run.session);
}

function lapse(world: World, run: Run): void {
  run.offers++;
  for (const one of world.attempts) if (one.run === run && one.number === run.attempt) one.lapsed = true;
  if (run.offers >= world.limits.offersMax) {
    end(world, run, { outcome: "infra_error", taken: null, treeGone: true });
    return;
  }
  run.state = "pending";
  run.offerPaused = run.offers > 1;
}

/** A whole session, or with what is below it; or one run alone when it only waits behind others. */
export function stop(world: World, id: string, named: Run | null, cascade: boolean): void {
  if (named !== null && named.outcome !== null) return;
  if (named !== null && named.state === "pending" && openRuns(world, id).length > 1) {
    end(world, named, { outcome: "stopped", taken: null, treeGone: true });
    return;
  }
  const stopped = cascade ? subtree(world, id) : [id];
  const wasSettled = new Set(
    world.sessions.filter((session) => isSettled(world, session)).map((session) => session.id),
  );
  for (const one of stopped)
    for (const duty of owedBy(world, one))
      if (stopped.includes(duty.parent)) pay(world, duty, newestRun(world, one)?.outcome ?? "stopped", "consumed");
  for (const one of stopped) stopSession(world, one, wasSettled.has(one));
}

function stopSession(world: World, id: string, wasSettled: boolean): void {
  const session = sessionOf(world, id);
  if (session === undefined) return;
  session.held = true;
  const open = openRuns(world, id);
  if (open.length === 0 && !wasSettled) session.look = "stopped";
  const begun = open.filter((run) => run.attempt > 0);
  for (const run of [...begun, ...open.filter((run) => run.attempt === 0)]) {
    if (run.state === "pending") end(world, run, { outcome: "stopped", taken: null, treeGone: true });
    else if (run.state !== "stopping") {
      run.state = "stopping";
      session.look = session.look === "running" ? "stopping" : "stopped";
    }
  }
}

/** Its children live on; what it owes is paid as deleted, what it is owed is forgotten. */
export function remove(world: World, session: Session): "ok" | "session_active" {
  if (activeRun(world, session.id) !== undefined) return "session_active";
  for (const duty of owedBy(world, session.id)) pay(world, duty, "stopped", "new");
  const drop = <T>(list: T[], gone: (one: T) => boolean) =>
    list.splice(0, list.length, ...list.filter((one) => !gone(one)));
  drop(world.runs, (run) => run.session === session.id);
  drop(world.items, (item) => item.session === session.id);
  drop(world.duties, (duty) => duty.parent === session.id);
  drop(world.sessions, (one) => one === session);
  for (const one of world.sessions) if (one.parent === session.id) one.parent = null;
  return "ok";
}
