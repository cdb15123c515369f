import assert from "node:assert/strict";
import { type Observed, observeProject } from "../../store/testing/observe-project.ts";
import type { Real } from "./real.ts";
import { isOwed, isReady, isSettled, waitingFor } from "./rules.ts";
import type { Item, World } from "./world.ts";

/** Reads what is, gives the model's new things the names that the real ones got, and compares both. */
export async function compare(world: World, real: Real): Promise<void> {
  const observed = await observeProject(real.deps.store.db, real.project);
  nameRuns(world, observed);
  nameItems(world, observed);
  assert.deepEqual(byId(observed.runs), byId(expectedRuns(world)), "runs");
  assert.deepEqual(byId(observed.sessions), byId(expectedSessions(world)), "sessions");
  assert.deepEqual(byId(observed.items), byId(expectedItems(world)), "inbox items");
  assert.deepEqual(observed.duties.toSorted(), expectedDuties(world).toSorted(), "duties");
}

const byId = <T extends { id: string }>(rows: readonly T[]): Record<string, T> =>
  Object.fromEntries(rows.map((row) => [row.id, row]));

function nameRuns(world: World, { runs, numbers }: Observed): void {
  const known = new Set(world.runs.map((run) => run.id));
  const unknown = runs.filter((run) => !known.has(run.id));
  for (const run of world.runs) {
    if (run.id === null) {
      const index = unknown.findIndex((candidate) => candidate.session === run.session);
      assert.notEqual(index, -1, `session ${run.session} should have been resumed`);
      run.id = unknown.splice(index, 1)[0]?.id ?? null;
    }
    run.made = numbers[run.id ?? ""] ?? 0;
  }
}

function nameItems(world: World, { items }: Observed): void {
  const known = new Set(world.items.map((item) => item.id));
  const unknown = items.filter((item) => !known.has(item.id));
  for (const item of world.items.filter((candidate) => candidate.id === null)) {
    const index = unknown.findIndex(({ session, child }) => session === item.session && child === item.child);
    assert.notEqual(index, -1, `session ${item.session} should have heard of ${item.child}`);
    item.id = unknown.splice(index, 1)[0]?.id ?? null;
  }
}

function expectedRuns(world: World): Observed["runs"] {
  return world.runs.map((run) => ({
    id: run.id ?? "",
    session: run.session,
    state: run.state,
    outcome: run.outcome,
    ready: isReady(world, run),
    waitingFor: waitingFor(world, run),
    attempt: run.attempt,
    deliveries: run.deliveries,
    offers: run.offers,
    origin: run.owed ? "callback" : "asked",
    priority: run.priority,
    join: run.join,
  }));
}

function expectedSessions(world: World): Observed["sessions"] {
  return world.sessions.map((session) => ({
    id: session.id,
    look: session.look,
    parent: session.parent,
    held: session.held,
    occupied: session.occupied,
    settled: isSettled(world, session),
  }));
}

function expectedItems(world: World): Observed["items"] {
  return world.items.map((item) => ({
    id: item.id ?? "",
    session: item.session,
    child: item.child,
    state: item.state,
    says: item.says,
    run: item.state === "assigned" || item.state === "taken" ? (item.run?.id ?? null) : null,
    told: item.state === "assigned" || item.state === "taken" ? item.told : null,
    deliveries: item.deliveries,
    paused: item.state === "new" && item.paused,
    reservedBy: reservation(item),
  }));
}

function reservation({ reservedBy, state }: Item): string | null {
  if (reservedBy === null || state !== "new") return null;
  return `${reservedBy.attempt.run.id}/${reservedBy.attempt.number}/${reservedBy.number}`;
}

function expectedDuties(world: World): string[] {
  return world.duties.map((duty) => `${duty.child} to ${duty.parent} ${isOwed(duty) ? "owed" : "paid"}`);
}
