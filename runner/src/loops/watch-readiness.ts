import type { RunnerDeps } from "../deps.ts";
import { pause } from "../http/backoff.ts";

/** Keeps looking whether runs can be taken here, and tells when that changes, also when it is well again by itself. */
export async function watchReadiness(deps: RunnerDeps, signal: AbortSignal): Promise<void> {
  const log = deps.log.child({ component: "readiness" });
  let told: string | null = null;
  let registered = [...deps.readiness.available.keys()].join();
  while (!signal.aborted) {
    await deps.readiness.look();
    const { reason, available } = deps.readiness;
    const names = [...available.keys()].join();
    if (names !== registered) {
      log.info({ executors: names }, "Serving other executors than before");
      await deps.reregister();
      registered = names;
    }
    if (reason !== null && told === null) log.warn({ reason }, "Taking no runs for now");
    if (reason === null && told !== null) log.info({}, "Taking runs again");
    told = reason;
    await pause(deps.config.readinessIntervalMs, signal);
  }
}
