/**
 * Directives: what a supervisor should do, told as soon as it is known. Reading renews nothing.
 * Called by: GET …/attempts/{n}/directives (long poll).  Requires: the newest attempt and its bound supervisor; reads are fenced too.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import { type Deps, TOPICS } from "../deps.ts";
import { fence } from "../runs/fence.ts";
import type { AttemptAuthor } from "../runs/note-progress.ts";
import { findOpenDirectives } from "../store/directives.ts";
import type { DirectiveRecord } from "../store/records.ts";
import { findRun } from "../store/runs.ts";

export interface Told {
  readonly stop: { readonly reason: string } | null;
  readonly directives: readonly DirectiveRecord[];
}

export async function awaitDirectives(
  deps: Deps,
  author: AttemptAuthor,
  holdMs: number,
  signal: AbortSignal,
): Promise<Told> {
  const until = deps.clock.monotonic() + Math.min(holdMs, deps.limits.pollHoldMs);
  for (;;) {
    // registered before the look, so that what is written in between wakes it
    const gone = new AbortController();
    const wait = deps.wake.waitFor(TOPICS.directives, author.runId, {
      timeoutMs: Math.max(0, until - deps.clock.monotonic()),
      signal: AbortSignal.any([signal, gone.signal]),
    });
    const told = await look(deps, author).catch((error: unknown) => {
      gone.abort();
      throw error;
    });
    if (told.stop !== null || told.directives.length > 0 || signal.aborted || deps.clock.monotonic() >= until) {
      gone.abort();
      return told;
    }
    if (!(await wait)) return await look(deps, author);
  }
}

async function look(deps: Deps, author: AttemptAuthor): Promise<Told> {
  const run = await findRun(deps.store.db, author.runId);
  if (run === null) throw new ParallaxError("run_not_found", `no run ${author.runId}`);
  fence(run, { runId: run.id, attempt: author.attempt, runnerId: run.runnerId ?? "", proven: true });
  if (run.incarnation !== author.incarnation)
    throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
  if (isTerminalRun(run.state)) throw new ParallaxError("run_terminal", `the run has ended as ${run.state}`);
  return {
    stop: run.state === "stopping" ? { reason: run.stopReason ?? "stopped" } : null,
    directives: await findOpenDirectives(deps.store.db, run.id, run.attempt),
  };
}
