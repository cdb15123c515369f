/**
 * Interrupt: the live turn ends, the session stays and can go on. The run ends by itself, as `interrupted`.
 * Called by: POST /sessions/{id}/interrupt.  Writes: directives.  Emits: directives wake.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { type Deps, TOPICS } from "../deps.ts";
import { transact } from "../effects.ts";
import { addDirective } from "../store/directives.ts";
import { findActiveRun } from "../store/runs.ts";
import { lockSession } from "../store/sessions.ts";

/** The run whose turn is being ended, or null when none is active. */
export async function interruptSession(deps: Deps, projectId: string, sessionId: string): Promise<string | null> {
  return await transact(deps, async (tx, effects) => {
    const session = await lockSession(tx, projectId, sessionId);
    if (session === null) throw new ParallaxError("session_not_found", `Session '${sessionId}' not found`);
    const run = await findActiveRun(tx, projectId, sessionId);
    if (run === null || run.state !== "running") return null;
    await addDirective(tx, {
      runId: run.id,
      attempt: run.attempt,
      kind: "interrupt",
      reason: "interrupted by request",
      itemId: null,
    });
    effects.wake(TOPICS.directives, run.id);
    return run.id;
  });
}
