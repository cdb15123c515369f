import { isActiveRun, isTerminalRun } from "@parallax/shared/run-state";
import type { Acknowledged } from "../workload/start-workload.ts";
import type { Finding } from "./finding.ts";
import type { Facts, RunFacts } from "./load-facts.ts";

/**
 * I6: every acknowledged create is terminal or visibly waiting with a reason, and the reason is true. Called after the time in which
 * everything should have ended: an attempt that still works then is one that nobody ends any more.
 */
export function findLost(facts: Facts, acknowledged: Acknowledged, runnersServe: boolean): Finding[] {
  const known = new Set(facts.runs.map((run) => run.id));
  const vanished = acknowledged.runs
    .filter(({ runId }) => !known.has(runId))
    .map(({ runId }) => lost(`${runId} was acknowledged and is not in the database`));
  const words = new Set(facts.items.map((item) => item.message));
  const unheard = acknowledged.messages
    .filter(({ word }) => !words.has(word))
    .map(({ word }) => lost(`the message ${word} was acknowledged and is in no inbox`));
  const stuck = facts.runs
    .filter((run) => !isTerminalRun(run.state))
    .map((run) => ({ run, why: whyWaiting(facts, run, runnersServe) }))
    .filter(({ why }) => why === null)
    .map(({ run }) => lost(`${run.id} is still ${describe(run)} in attempt ${run.attempt}`));
  return [...vanished, ...unheard, ...stuck];
}

const lost = (text: string): Finding => ({ kind: "lost", text });

function describe(run: RunFacts): string {
  return run.state === "pending" ? `pending (${run.ready ? "ready" : run.waitingFor})` : run.state;
}

/** What the run truly waits for, or null when there is nothing. */
function whyWaiting(facts: Facts, run: RunFacts, runnersServe: boolean): string | null {
  if (run.state !== "pending") return null;
  if (run.ready) return runnersServe ? null : "no runner serves it";
  switch (run.waitingFor) {
    case "not_before":
      return (run.notBeforeInMs ?? 0) > 0 ? "its time has not come" : null;
    case "session_occupied": {
      const session = facts.sessions.find(({ id }) => id === run.sessionId);
      return (session?.occupiedLeftMs ?? 0) > 0 ? "its session is occupied" : null;
    }
    default: {
      const other = facts.runs.find(
        ({ id, sessionId, state }) => id !== run.id && sessionId === run.sessionId && isActiveRun(state),
      );
      return other === undefined ? null : `its session works on ${other.id}`;
    }
  }
}
