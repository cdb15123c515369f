import type { Run } from "@parallax/shared/protocol/runs";
import type { Deps } from "../deps.ts";
import type { RunRecord } from "../store/records.ts";

/** The public view: seven states, finer facts as fields of their own, nothing secret. */
export function viewRun(deps: Deps, run: RunRecord): Run {
  const silentMs = run.renewedAt === null ? 0 : deps.clock.now() - run.renewedAt.getTime();
  return {
    run_id: run.id,
    session_id: run.sessionId,
    project: run.projectId,
    type: run.type,
    status: run.state,
    outcome: run.outcome,
    phase: run.phase,
    suspect: (run.state === "running" || run.state === "stopping") && silentMs > deps.limits.suspectAfterMs,
    waiting_for: run.state !== "pending" ? null : (run.waitingFor ?? "runner"),
    agent_name: run.agentName,
    executor: run.executor,
    runtime: run.runtime,
    mode: run.mode,
    project_dir: run.projectDir,
    parameters: run.parameters,
    prompt: run.prompt,
    parent_session_id: run.parentSessionId,
    parent_run_id: run.parentRunId,
    execution_mode: run.executionMode,
    join: run.joinPolicy,
    origin: run.origin,
    retry_of_run_id: run.retryOfRunId,
    priority: run.priority,
    labels: run.labels,
    demands: viewDemands(run),
    attempt: run.attempt,
    deliveries: run.deliveries,
    offers: run.offers,
    runner_id: run.runnerId,
    error:
      run.error === null
        ? null
        : {
            code: run.error.code,
            message: run.error.message,
            ...(run.error.hint === undefined ? {} : { hint: run.error.hint }),
            ...(run.error.details === undefined ? {} : { details: run.error.details }),
          },
    result_text: run.resultText,
    result_data: run.resultData ?? null,
    usage: run.usage,
    created_at: run.createdAt.toISOString(),
    claimed_at: iso(run.claimedAt),
    started_at: iso(run.startedAt),
    completed_at: iso(run.finishedAt),
    timeout_at: iso(run.queueExpiresAt),
  };
}

/** The executor and the runtime are fields of their own in the public view. */
function viewDemands(run: RunRecord): Run["demands"] {
  const { executor: _executor, runtime: _runtime, ...demands } = run.demands;
  return demands;
}

export function iso(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
