/**
 * Retry: a terminal run is asked again as a new run on the same session, which says whose retry it is.
 * Called by: POST /runs/{id}/retry.  Requires: an ended run with a prompt of its own; its place and settings are asked for again.  Writes and emits: see create-run.ts.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { CreatedRun } from "@parallax/shared/protocol/runs";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { createRunIn } from "./create-run.ts";
import type { Idempotency } from "./idempotency.ts";

export async function retryRun(
  deps: Deps,
  projectId: string,
  runId: string,
  idempotency: Idempotency | null,
): Promise<CreatedRun> {
  return await transact(deps, async (tx, effects) => {
    const run = await findRun(tx, runId);
    if (run === null || run.projectId !== projectId) throw new ParallaxError("run_not_found", `no run ${runId}`);
    if (!isTerminalRun(run.state))
      throw new ParallaxError("run_not_retryable", `run ${runId} is ${run.state}; only an ended run can be retried`, {
        hint: "stop it first",
      });
    if (run.prompt === null) {
      throw new ParallaxError(
        "run_not_retryable",
        "a callback run has no prompt of its own; its reports went back to the inbox by themselves",
        { hint: "POST /sessions/{id}/release or send a message" },
      );
    }
    const session = await findSession(tx, projectId, run.sessionId);
    if (session === null) throw new ParallaxError("session_not_found", `Session '${run.sessionId}' not found`);
    return await createRunIn(
      deps,
      tx,
      effects,
      { projectId, origin: "retry", agent: null, idempotency, retryOfRunId: run.id },
      {
        type: "resume_session",
        session_id: run.sessionId,
        prompt: run.prompt,
        ...(session.parentSessionId === null || run.executionMode !== "async_callback"
          ? {}
          : { parent_session_id: session.parentSessionId, execution_mode: run.executionMode }),
        ...(run.projectDir === null ? {} : { project_dir: run.projectDir }),
        executor_config: run.executorConfig,
        env: run.env,
        resources: run.resources,
        scope: run.scope,
        on_lost: run.onLost,
        join: run.joinPolicy,
        priority: run.priority,
        labels: run.labels,
      },
    );
  });
}
