import type { Deps } from "../deps.ts";
import { sealLogsOnWake, sweepUnsealedLogs } from "../events/seal-logs.ts";
import { forgetAnswers } from "../store/idempotency.ts";
import { expireLeases } from "./expire-leases.ts";
import { runTimer } from "./run-timer.ts";
import { promoteDue, sweepForgotten } from "./sweep-forgotten.ts";

const DAY_MS = 86_400_000;
const IDEMPOTENCY_DAYS = 7;

/** Everything that happens without a request. The first expiry look comes first, so that a restart counts as the outage that it is. */
export async function startPeriodicWork(deps: Deps): Promise<void> {
  await expireLeases(deps);
  await sweepForgotten(deps);
  sealLogsOnWake(deps);
  deps.queue.onTimer(async (timer) => await runTimer(deps, timer));
  deps.queue.every("expire leases", deps.limits.expirySweepMs, async () => {
    await expireLeases(deps);
    await promoteDue(deps);
  });
  deps.queue.every("sweep forgotten", deps.limits.inboxSweepMs, async () => {
    await sweepForgotten(deps);
    await sweepUnsealedLogs(deps);
  });
  deps.queue.every("forget answers", DAY_MS, async () => await forgetAnswers(deps.store.db, IDEMPOTENCY_DAYS));
}
