import type { RunnerDeps } from "../deps.ts";
import { jitter, pause } from "../http/backoff.ts";

export interface HeartbeatHooks {
  /** Why no more runs are wanted, or null. */
  notReady(): string | null;
  /** The coordinator wants this runner to take no more runs. */
  onDrain(): void;
}

const REASON_LENGTH_MAX = 500;

/** Keeps the registration alive, and the attempts whose supervisors have not said hello yet; also while draining. */
export async function sendHeartbeats(deps: RunnerDeps, hooks: HeartbeatHooks, signal: AbortSignal): Promise<void> {
  const log = deps.log.child({ component: "heartbeat" });
  let intervalMs = deps.config.heartbeatIntervalMs;
  for (let seq = 1; !signal.aborted; seq += 1) {
    const preparing = deps.attempts.list().filter((attempt) => attempt.preparing);
    const reason = hooks.notReady();
    const change = deps.readiness.nextChange();
    const result = await deps.client.heartbeat(
      {
        runner_id: deps.runnerId,
        instance_id: deps.instanceId,
        seq,
        attempts: preparing.map(({ spec: { run } }) => ({
          run_id: run.run_id,
          attempt: run.attempt,
          lease_token: run.lease_token,
        })),
        ready: reason === null,
        ...(reason === null ? {} : { not_ready_reason: reason.slice(0, REASON_LENGTH_MAX) }),
      },
      signal,
    );
    if (result.kind === "ok") {
      // A refused renewal kills nothing: the supervisor has taken over, or hears for itself that it is too late.
      for (const refused of result.body.refused ?? []) log.debug({ ...refused }, "A renewal was refused");
      if (result.body.drain === true) hooks.onDrain();
      intervalMs = result.body.next_ms ?? deps.config.heartbeatIntervalMs;
    } else if (result.kind === "refused" && result.refusal.code === "unknown_runner") {
      log.warn({}, "The coordinator does not know this runner, registering again");
      await deps.reregister();
    } else if (result.kind === "retry" || result.kind === "refused") {
      const reason = result.kind === "retry" ? result.reason : result.refusal.message;
      log.debug({ reason }, "The heartbeat was not answered");
    }
    await pause(jitter(intervalMs), AbortSignal.any([signal, change.signal]));
    change.stop();
  }
}
