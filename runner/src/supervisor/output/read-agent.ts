import { ParallaxError } from "@parallax/shared/errors";
import type { Ending } from "@parallax/shared/executor/adapter";
import { endingOfError } from "../decide-ending.ts";
import type { ProcessTree, TreeExit } from "../process-tree/process-tree.ts";
import { goneWithin, type StopRequests } from "../stop-agent.ts";
import { type PumpDeps, pumpOutput, takeAnswer } from "./pump-output.ts";

/** How long what an ended agent has said may still be read before its run ends without that. */
const READ_REST_WITHIN_MS = 60_000;
/** Somebody waits for the end of a run that is stopped. */
const READ_REST_WHEN_STOPPED_MS = 5_000;

export interface ReadControl {
  readonly stops: Pick<StopRequests, "cause">;
  /** Aborted when nobody wants to know any more. */
  readonly over: AbortSignal;
}

/**
 * Reads all the agent says, until its tree is gone and its adapter has judged the end. A reader that fails, or takes too long after the
 * end, is an ending too: the tree is gone then in any case.
 */
export async function readAgent(
  tree: Pick<ProcessTree, "stdout" | "stderr" | "exited">,
  pump: PumpDeps,
  control: ReadControl,
): Promise<{ readonly exit: TreeExit; readonly ending: Ending }> {
  const pumps = Promise.all([pumpOutput(tree.stdout, "stdout", pump), pumpOutput(tree.stderr, "stderr", pump)]);
  // Looked at below; until then a failure is told by the reader's own signal.
  pumps.catch(() => undefined);
  const exit = await tree.exited;
  const { promise: over, resolve: giveUp } = Promise.withResolvers<void>();
  control.over.addEventListener("abort", () => giveUp());
  if (control.over.aborted) giveUp();
  let ending: Ending | null = null;
  const reading = pumps.then(async () => {
    const answer = await pump.reader.ask({ kind: "finish", exit, stopRequested: control.stops.cause !== null });
    takeAnswer(answer, pump);
    ending = answer.ending;
  });
  const withinMs = control.stops.cause === null ? READ_REST_WITHIN_MS : READ_REST_WHEN_STOPPED_MS;
  try {
    await goneWithin(Promise.race([reading, over]), withinMs);
    if (ending !== null) return { exit, ending };
    throw new ParallaxError(
      "executor_failed",
      `the agent's output was not read within ${withinMs / 1000} s of its end`,
    );
  } catch (error) {
    reading.catch(() => undefined);
    const failed = endingOfError(error);
    pump.spool.append({ type: "error", data: { ...failed.error } });
    return { exit, ending: failed };
  }
}
