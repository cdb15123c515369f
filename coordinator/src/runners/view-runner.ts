import type { Runner } from "@parallax/shared/protocol/runners";
import type { Deps } from "../deps.ts";
import type { RunnerView } from "../store/runners.ts";

export function viewRunner(deps: Deps, runner: RunnerView): Runner {
  const stale = runner.silentMs > deps.limits.runnerStaleMs;
  return {
    runner_id: runner.id,
    hostname: runner.hostname,
    project_dir: runner.projectDir,
    executor_profile: runner.executorProfile,
    executor: runner.executor,
    executors: runner.executors,
    runtimes: runner.runtimes,
    tags: runner.tags,
    require_matching_tags: runner.requireMatchingTags,
    slots: runner.slots,
    active_runs: runner.activeRuns,
    version: runner.version,
    status: stale ? "stale" : runner.state === "online" ? "online" : "draining",
    not_ready_reason: runner.notReadyReason,
    registered_at: runner.registeredAt.toISOString(),
    last_heartbeat: runner.lastHeartbeatAt.toISOString(),
    seconds_since_heartbeat: Math.max(0, runner.silentMs / 1000),
  };
}
