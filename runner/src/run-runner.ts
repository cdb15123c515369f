import { adoptAttempts } from "./attempts/adopt-attempts.ts";
import { stopAttempt } from "./attempts/live-attempts.ts";
import type { RunnerDeps } from "./deps.ts";
import { claimRuns } from "./loops/claim-runs.ts";
import { guardSupervisors } from "./loops/guard-supervisors.ts";
import { sendHeartbeats } from "./loops/send-heartbeats.ts";
import { watchReadiness } from "./loops/watch-readiness.ts";
import { goneWithin } from "./supervisor/stop-agent.ts";

/** Exit codes of the runner: 75 as in sysexits' EX_TEMPFAIL, for a run that could not be taken: try again. */
const EXIT_OK = 0;
const EXIT_REPLACED = 1;
const EXIT_NOT_TAKEN = 75;

/** What a person or a service manager can ask of a running runner; each goes further than the one before. */
export interface RunnerControl {
  /** Takes no more runs and lets those that are there finish. */
  drain(reason: string): void;
  /** Ends the runs. */
  stopRuns(reason: string): void;
}

/** From registration to a clean exit. Resolves with the exit code when nothing is left, or when the drain took too long. */
export async function runRunner(deps: RunnerDeps, onControl: (control: RunnerControl) => void): Promise<number> {
  const { attempts, log } = deps;
  const draining = new AbortController();
  const working = new Set<Promise<void>>();
  const background = (work: Promise<void>): void => {
    const guarded = work.catch((error: unknown) => log.error({ err: error }, "An attempt could not be looked after"));
    working.add(guarded);
    void guarded.finally(() => working.delete(guarded));
  };
  const drain = (reason: string): void => {
    if (draining.signal.aborted) return;
    log.info({ reason, runs: attempts.list().length }, "Taking no more runs");
    draining.abort();
  };
  onControl({
    drain,
    stopRuns: (reason) => {
      log.warn({ reason }, "Stopping the runs");
      for (const attempt of attempts.list()) stopAttempt(attempt, reason);
    },
  });

  const adopted = await adoptAttempts(deps);
  if (adopted.count > 0) log.info({ count: adopted.count }, "Taking over attempts of an earlier process");
  for (const work of adopted.follow()) background(work);

  const beating = new AbortController();
  const hooks = {
    notReady: () => (draining.signal.aborted ? "draining" : deps.readiness.reason),
    onDrain: () => drain("the coordinator asked for it"),
  };
  const heartbeats = sendHeartbeats(deps, hooks, AbortSignal.any([beating.signal, deps.exiting]));
  const guarding = guardSupervisors(deps, AbortSignal.any([beating.signal, deps.exiting]));
  const watching = watchReadiness(deps, AbortSignal.any([beating.signal, deps.exiting]));
  log.info({ executors: [...deps.executors.keys()], slots: deps.config.slots }, "Runner started - waiting for runs");

  const end = await claimRuns(deps, draining.signal, background);
  if (end === "replaced") {
    log.error({}, "Another process has taken over as this runner; leaving everything to it");
    return EXIT_REPLACED;
  }
  const reason = end === "took_one" ? "one run was wanted" : end === "deregistered" ? "removed" : "finished";
  drain(reason);
  const empty = attempts.until(() => attempts.list().length === 0, deps.exiting);
  const timeoutMs = deps.config.drainTimeoutMs;
  const drained = timeoutMs === 0 ? await empty.then(() => true) : await goneWithin(empty, timeoutMs);
  beating.abort();
  await Promise.all([heartbeats, guarding, watching]);
  if (!drained || attempts.list().length > 0) {
    log.warn(
      { runs: attempts.list().length },
      "Leaving runs to their supervisors; the next runner with this state directory takes them over",
    );
    return EXIT_OK;
  }
  if (end !== "deregistered") await deps.client.leave(deps.runnerId);
  log.info({}, "Runner stopped");
  return end === "none_offered" || (end === "took_one" && attempts.started === 0) ? EXIT_NOT_TAKEN : EXIT_OK;
}
