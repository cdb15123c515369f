import type { RunnerDeps } from "../deps.ts";
import { pause } from "../http/backoff.ts";

/** Keeps looking whether runs can be taken here, and tells when that changes, also when it is well again by itself. */
export async function watchReadiness(deps: RunnerDeps, signal: AbortSignal): Promise<void> {
  const log = deps.log.child({ component: "readiness" });
  let told: string | null = null;
  while (!signal.aborted) {
    if (await deps.readiness.look()) await deps.reregister();
    const { reason } = deps.readiness;
    if (reason !== null && told === null) log.warn({ reason }, "Taking no runs for now");
    if (reason === null && told !== null) log.info({}, "Taking runs again");
    told = reason;
    await pause(deps.config.readinessIntervalMs, signal);
  }
}
