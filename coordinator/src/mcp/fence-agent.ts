import { ParallaxError } from "@parallax/shared/errors";
import { fence, refuseTerminal } from "../runs/fence.ts";
import type { RunRecord } from "../store/records.ts";
import { lockRun } from "../store/runs.ts";
import type { Tx } from "../store/store.ts";

export interface AgentAttempt {
  readonly runId: string;
  readonly attempt: number;
  readonly incarnation: string;
}

/** A call belongs to the newest attempt of a living run and comes through the supervisor that holds it. */
export function judgeAttempt(run: RunRecord, author: Omit<AgentAttempt, "runId">): void {
  fence(run, { runId: run.id, attempt: author.attempt, runnerId: run.runnerId ?? "", proven: true });
  refuseTerminal(run);
  if (run.incarnation === null || run.incarnation !== author.incarnation) {
    throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
  }
  if (run.state !== "running" && run.state !== "stopping") {
    // lost, but nobody claimed it yet: a renewal may take it up again, and then the same call is answered
    throw new ParallaxError(
      "attempt_cut_off",
      "the attempt was cut off for too long; its supervisor must renew its lease first",
      { hint: "repeat the call" },
    );
  }
}

/** The same under the run's lock: what is written after it was written by the newest attempt. `stopping` runs read, they do nothing more. */
export async function fenceAgent(tx: Tx, author: AgentAttempt, writes: boolean): Promise<RunRecord> {
  const run = await lockRun(tx, author.runId);
  if (run === null) throw new ParallaxError("run_not_found", `no run ${author.runId}`);
  judgeAttempt(run, author);
  if (writes && run.state === "stopping")
    throw new ParallaxError("run_stopping", "the run is being stopped; nothing more is begun or deleted");
  return run;
}
