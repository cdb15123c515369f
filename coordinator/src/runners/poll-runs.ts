/**
 * Poll: what a runner should do next, by priority: it was deregistered, a stop, work, or nothing (null, a 204).
 * Called by: GET /runner/runs.  Requires: a registered runner.  Writes: runners (seen), and what a claim writes.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { OfferedRun, PollAnswer, pollQuerySchema } from "@parallax/shared/protocol/runners";
import type { z } from "zod";
import { type Deps, TOPICS } from "../deps.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { replayOffers } from "../runs/claim-runs.ts";
import type { RunnerRecord } from "../store/records.ts";
import { deleteRunner, touchRunner } from "../store/runners.ts";
import { tellStops } from "../store/runs.ts";

type PollQuery = z.output<typeof pollQuerySchema>;

/** A plain runner is told of a stop again only after this: never in a hot loop. */
const RETELL_STOP_MS = 10_000;

export async function pollRuns(
  deps: Deps,
  dispatcher: Dispatcher,
  query: PollQuery,
  signal: AbortSignal,
): Promise<PollAnswer | null> {
  const runner = await touchRunner(deps.store.db, query.runner_id, undefined, null);
  if (runner === null)
    throw new ParallaxError("unknown_runner", `runner ${query.runner_id} is not registered`, {
      hint: "register again",
    });
  if (runner.instanceId !== null && query.instance_id !== undefined && query.instance_id !== runner.instanceId) {
    throw new ParallaxError("duplicate_runner", "a newer process of this runner has taken over");
  }
  if (runner.state === "deregistering") {
    await deleteRunner(deps.store.db, runner.id);
    return { deregistered: true };
  }
  const plain = runner.instanceId === null;
  const stops = plain ? await takeStops(deps, runner) : null;
  if (stops !== null) return stops;
  if (query.poll_id !== undefined) {
    const again = await replayOffers(deps, runner.id, query.poll_id);
    if (again.length > 0) return offersAnswer(again);
  }
  const count = runner.state === "draining" || runner.notReadyReason !== null ? 0 : (query.free_slots ?? 1);
  const unsubscribe = plain
    ? deps.wake.subscribe(TOPICS.runner, (id) => id === runner.id && dispatcher.interrupt(id))
    : () => undefined;
  try {
    const offers = await dispatcher.serve({
      runner,
      count,
      instanceId: query.instance_id ?? null,
      pollId: query.poll_id ?? null,
      plain,
      onlyRunId: query.run_id ?? null,
      holdMs: Math.min(query.hold_ms ?? deps.limits.pollHoldMs, deps.limits.pollHoldMs),
      signal,
    });
    if (offers.length > 0) return offersAnswer(offers);
  } finally {
    unsubscribe();
  }
  return plain && !signal.aborted ? await takeStops(deps, runner) : null;
}

function offersAnswer(offers: OfferedRun[]): PollAnswer {
  const first = offers[0];
  return first === undefined ? {} : { run: first, runs: offers };
}

async function takeStops(deps: Deps, runner: RunnerRecord): Promise<PollAnswer | null> {
  const due = await tellStops(deps.store.db, runner.id, RETELL_STOP_MS);
  if (due.length === 0) return null;
  return { stop_runs: due.map((run) => run.id), stop_sessions: due.map((run) => run.sessionId) };
}
