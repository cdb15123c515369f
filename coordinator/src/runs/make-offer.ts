import type { OfferedRun } from "@parallax/shared/protocol/runners";
import type { Deps } from "../deps.ts";
import { composePrompt } from "../inbox/compose-prompt.ts";
import { findSessionsStartedBy } from "../store/children.ts";
import { findItemsOfRun, offerItems } from "../store/inbox.ts";
import type { RunRecord } from "../store/records.ts";
import { findSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";

/** What the claimer reads: the run with its message as it is now, and the token that its reports must carry. */
export async function makeOffer(deps: Deps, tx: Tx, run: RunRecord): Promise<OfferedRun> {
  const session = await findSession(tx, run.projectId, run.sessionId);
  await offerItems(tx, run.id, run.attempt);
  const items = await findItemsOfRun(tx, run.id);
  const interrupted = await interruption(tx, run, session?.executorSessionId ?? null);
  const executorSessionId =
    run.attempt > 1 && run.onLost === "restart" && run.type === "start_session"
      ? null
      : (session?.executorSessionId ?? null);
  return {
    run_id: run.id,
    session_id: run.sessionId,
    project_id: run.projectId,
    type: executorSessionId !== null && interrupted !== null ? "resume_session" : run.type,
    agent_name: run.agentName,
    parameters: run.parameters,
    prompt: composePrompt({
      prompt: run.prompt,
      items,
      interrupted,
      resultBytesMax: deps.limits.callbackResultBytesMax,
    }),
    project_dir: run.projectDir,
    parent_session_id: run.parentSessionId,
    execution_mode: run.executionMode,
    status: "claimed",
    scope: run.scope,
    demands: { ...run.demands },
    resolved_agent_blueprint: run.blueprint,
    executor: run.executor,
    executor_config: run.executorConfig,
    executor_session_id: executorSessionId,
    runtime: run.runtime,
    mode: run.mode,
    env: run.env,
    resources: run.resources,
    items: items.map((item) => item.id),
    attempt: run.attempt,
    lease_token: deps.tokens.make(run.id, run.attempt, run.claimId ?? ""),
    offer_ttl_ms: deps.limits.offerTtlMs,
  };
}

/** Attempt k+1 of a started run continues where the agent's own conversation stopped, and is told what happened meanwhile. */
async function interruption(
  tx: Tx,
  run: RunRecord,
  executorSessionId: string | null,
): Promise<{ readonly children: readonly string[] } | null> {
  if (run.deliveries === 0 || run.onLost !== "resume" || executorSessionId === null) return null;
  return { children: await findSessionsStartedBy(tx, run.id) };
}
