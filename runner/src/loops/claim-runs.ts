import type { PollAnswer } from "@parallax/shared/protocol/runners";
import { stopAttempt } from "../attempts/live-attempts.ts";
import { takeOffer } from "../attempts/take-offer.ts";
import type { RunnerDeps } from "../deps.ts";
import { type Backoff, createBackoff, jitter, pause } from "../http/backoff.ts";
import type { Checked } from "../runner-client.ts";

/**
 * Why the loop ended. none_offered: exactly one run was wanted and it was not to be had. replaced: another process goes on under this
 * runner's identity.
 */
export type ClaimEnd = "drained" | "took_one" | "none_offered" | "deregistered" | "replaced";

/** A poll answered with nothing sooner than this was not held; asking again at once would be a hot loop. */
const HELD_AT_LEAST_MS = 1_000;

/** Polls while there are free slots, until `draining` is aborted. Attempts it starts go on by themselves. */
export async function claimRuns(
  deps: RunnerDeps,
  draining: AbortSignal,
  background: (work: Promise<void>) => void,
): Promise<ClaimEnd> {
  const log = deps.log.child({ component: "poller" });
  const backoff = createBackoff({ firstMs: 250, maxMs: 10_000 });
  let pollId = deps.ids.make("poll");
  while (!draining.aborted) {
    const free = deps.config.once ? 1 : deps.config.slots - deps.attempts.usedSlots();
    if (free <= 0) {
      await deps.attempts.until(() => deps.attempts.usedSlots() < deps.config.slots, draining);
      continue;
    }
    const askedMs = deps.clock.monotonic();
    const change = deps.readiness.nextChange();
    // Not ready: it still asks, for nothing, to hear whether it was removed.
    const wanted = deps.readiness.reason === null ? free : 0;
    const result = await poll(deps, pollId, wanted, AbortSignal.any([draining, change.signal]));
    change.stop();
    if (draining.aborted) break;
    if (change.signal.aborted && result.kind === "retry") continue;
    if (result.kind === "refused" && result.refusal.code === "duplicate_runner") return "replaced";
    if (result.kind !== "ok" && result.kind !== "nothing") {
      await afterFailure(deps, result, backoff, draining);
      // The same poll again: an offer whose answer was lost comes back with it.
      if (result.kind !== "retry") pollId = deps.ids.make("poll");
      continue;
    }
    if (backoff.tries > 0) log.info({}, "The coordinator answers again");
    backoff.reset();
    pollId = deps.ids.make("poll");
    if (result.kind === "nothing") {
      if (deps.config.runId !== null && wanted > 0) return "none_offered";
      if (deps.clock.monotonic() - askedMs < HELD_AT_LEAST_MS) await pause(jitter(HELD_AT_LEAST_MS), draining);
      continue;
    }
    if (result.body.deregistered === true) {
      log.warn({}, "This runner was removed at the coordinator, taking no more runs");
      return "deregistered";
    }
    // The poll was held for a while.
    await deps.readiness.look();
    if (takeAnswer(deps, result.body, background) && deps.config.once) return "took_one";
  }
  return "drained";
}

function poll(
  deps: RunnerDeps,
  pollId: string,
  free: number,
  signal: AbortSignal,
): ReturnType<RunnerDeps["client"]["poll"]> {
  const { config, runnerId, instanceId } = deps;
  const query = {
    runner_id: runnerId,
    instance_id: instanceId,
    poll_id: pollId,
    free_slots: String(free),
    hold_ms: String(config.pollHoldMs),
    ...(config.runId === null ? {} : { run_id: config.runId }),
  };
  return deps.client.poll(query, config.pollHoldMs, signal);
}

/** True when a run was offered. */
function takeAnswer(deps: RunnerDeps, answer: PollAnswer, background: (work: Promise<void>) => void): boolean {
  const log = deps.log.child({ component: "poller" });
  stopRuns(deps, answer);
  const offers = answer.runs ?? (answer.run === undefined ? [] : [answer.run]);
  for (const run of offers) {
    log.info({ runId: run.run_id, type: run.type, attempt: run.attempt }, "Received run");
    background(takeOffer(deps, run));
  }
  return offers.length > 0;
}

function stopRuns(deps: RunnerDeps, answer: PollAnswer): void {
  for (const attempt of deps.attempts.list()) {
    const { run_id: runId, session_id: sessionId } = attempt.spec.run;
    if (answer.stop_runs?.includes(runId) !== true && answer.stop_sessions?.includes(sessionId) !== true) continue;
    deps.log.info({ component: "poller", runId }, "Stopping run");
    stopAttempt(attempt, "stopped by request");
  }
}

async function afterFailure(
  deps: RunnerDeps,
  result: Exclude<Checked<PollAnswer>, { kind: "ok" | "nothing" }>,
  backoff: Backoff,
  draining: AbortSignal,
): Promise<void> {
  if (result.kind === "refused" && result.refusal.code === "unknown_runner") return deps.reregister();
  const reason =
    result.kind === "retry" ? result.reason : result.kind === "refused" ? result.refusal.message : result.message;
  // Once in an outage is enough for whoever reads along.
  const level = backoff.tries === 0 ? "warn" : "debug";
  deps.log[level]({ component: "poller", reason }, "The poll was not answered, trying on");
  await pause((result.kind === "retry" ? result.afterMs : null) ?? backoff.nextMs(), draining);
}
