/**
 * Heartbeat: the runner lives. Renews the attempts it is still preparing; a plain runner's beat renews all of its runs.
 * Called by: POST /runner/heartbeat.  Writes: runners, runs (leases).  Emits: nothing.
 * An overtaken beat (lower seq) changes nothing; after the hand-over a runner's renewal is refused softly.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { heartbeatAnswerSchema, heartbeatSchema } from "@parallax/shared/protocol/runners";
import type { z } from "zod";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { renewPlain, renewPreparing } from "../store/leases.ts";
import { lockRunner, touchRunner } from "../store/runners.ts";

export async function beatRunner(
  deps: Deps,
  beat: z.output<typeof heartbeatSchema>,
): Promise<z.input<typeof heartbeatAnswerSchema>> {
  return await transact(deps, async (tx) => {
    const runner = await lockRunner(tx, beat.runner_id);
    if (runner === null)
      throw new ParallaxError("unknown_runner", `runner ${beat.runner_id} is not registered`, {
        hint: "register again",
      });
    if (runner.instanceId !== null && beat.instance_id !== undefined && beat.instance_id !== runner.instanceId) {
      throw new ParallaxError("duplicate_runner", "a newer process of this runner has taken over");
    }
    const answer = { ok: true as const, next_ms: deps.limits.heartbeatIntervalMs, drain: runner.state !== "online" };
    const overtaken = beat.seq !== undefined && beat.seq <= runner.heartbeatSeq;
    if (overtaken) return { ...answer, renewed: [], refused: [] };
    await touchRunner(
      tx,
      runner.id,
      beat.ready === undefined ? undefined : beat.ready ? null : (beat.not_ready_reason ?? "not ready"),
      beat.seq ?? null,
    );
    if (runner.instanceId === null) await renewPlain(tx, runner.id, deps.limits.plainLeaseTtlMs);
    const asked = beat.attempts ?? [];
    const renewed = await renewPreparing(
      tx,
      runner.id,
      beat.instance_id ?? null,
      asked.map(({ run_id, attempt }) => ({ runId: run_id, attempt })),
      deps.limits.leaseTtlMs,
      deps.limits.preparingMsMax,
    );
    const isRenewed = ({ run_id, attempt }: { run_id: string; attempt: number }): boolean =>
      renewed.some((one) => one.runId === run_id && one.attempt === attempt);
    const refused = asked
      .filter((attempt) => !isRenewed(attempt))
      .map((attempt) => ({ run_id: attempt.run_id, attempt: attempt.attempt, code: "renewal_handed_over" }));
    return { ...answer, renewed: renewed.map((one) => one.runId), refused };
  });
}
