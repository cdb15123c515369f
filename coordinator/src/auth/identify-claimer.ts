import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { findAttempt } from "../store/attempts.ts";
import { findRunner } from "../store/runners.ts";
import { findRun } from "../store/runs.ts";

/** Who reports on a run: a runner, for one attempt. `proven` when it showed the attempt's lease token. */
export interface Claimer {
  readonly runId: string;
  readonly attempt: number;
  readonly runnerId: string;
  readonly proven: boolean;
}

export interface ReportIdentity {
  readonly runnerId: string;
  readonly attempt?: number | undefined;
  readonly leaseToken?: string | undefined;
}

/**
 * Our runner proves the attempt by its token. A plain runner brings only its id: it speaks for the newest attempt, and only if it
 * claimed that one without a supervisor of ours.
 */
export async function identifyClaimer(deps: Deps, runId: string, identity: ReportIdentity): Promise<Claimer> {
  const runner = await findRunner(deps.store.db, identity.runnerId);
  if (runner === null)
    throw new ParallaxError("unknown_runner", `runner ${identity.runnerId} is not registered`, {
      hint: "register again, then repeat the report",
    });
  if (identity.leaseToken !== undefined) {
    const proof = await proveAttempt(deps, identity.leaseToken, runId, identity.attempt);
    return { runId, attempt: proof.attempt, runnerId: identity.runnerId, proven: true };
  }
  const run = await findRun(deps.store.db, runId);
  if (run === null) throw new ParallaxError("run_not_found", `no run ${runId}`);
  if (run.runnerId !== identity.runnerId || !run.plain) {
    throw new ParallaxError(
      "not_the_claimer",
      "only the runner that claimed the newest attempt may report on this run",
    );
  }
  return { runId, attempt: identity.attempt ?? run.attempt, runnerId: identity.runnerId, proven: false };
}

/** The token's run, attempt and MAC are right. Says nothing of whether the attempt is still the newest: that is the write's condition. */
export async function proveAttempt(
  deps: Deps,
  token: string,
  runId: string | null,
  attempt: number | null | undefined,
): Promise<{ runId: string; attempt: number; incarnation: string | null }> {
  const read = deps.tokens.read(token);
  const wrong = new ParallaxError("lease_token_invalid", "the lease token is not valid for this attempt");
  if (read === null || (runId !== null && read.runId !== runId) || (attempt != null && read.attempt !== attempt))
    throw wrong;
  const row = await findAttempt(deps.store.db, read.runId, read.attempt);
  if (row === null || !deps.tokens.matches(read, row.claimId)) throw wrong;
  return { runId: read.runId, attempt: read.attempt, incarnation: row.incarnation };
}
