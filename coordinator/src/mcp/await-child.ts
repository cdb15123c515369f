/**
 * Await: a synchronous call waits until what it started has settled, and hands the report out.
 * Called by: start and resume in sync mode, also when the gateway repeats the call.  Requires: the call was recorded.
 * Writes: gateway_calls, inbox_items (reserved).  Emits: nothing.
 * The report is an inbox item like any other: reserved for this call while it is on its way, consumed when it arrived, a callback when not.
 * A wait never blocks the fleet: when nothing in the subtree moved for a while (the parent may hold the slot the child needs), or after
 * ten minutes, the call answers `pending` and the report becomes a callback.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import { type Deps, sessionTopicId, TOPICS } from "../deps.ts";
import { type ChildReport, reportOf } from "../inbox/pay-duty.ts";
import { findGatewayCall, subtreeIdleMs } from "../store/gateway-calls.ts";
import { findItemOfDuty, unassignItems } from "../store/inbox.ts";
import type { ItemRecord } from "../store/records.ts";
import { findNewestRun, findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { answerOf, reportAnswer, type ToolAnswer, unknownSession } from "./answers.ts";
import { judgeAttempt } from "./fence-agent.ts";
import { type AgentCaller, callKeyOf, type PersonCaller, reservationOf } from "./identify-caller.ts";
import { isPassing } from "./passing-failure.ts";
import { type AwaitedChild, answerRecorded, type HandOut, type RecordedCall } from "./record-call.ts";
import type { ToolContext } from "./tool.ts";

const WAIT_MS_MAX = 600_000;
/** Wake-ups may be lost, and idleness wakes nobody. */
const LOOK_EVERY_MS = 2_000;

/** An agent's wait: ends with the item that the child's duty became. */
export async function awaitReport(context: ToolContext, agent: AgentCaller, child: AwaitedChild): Promise<ToolAnswer> {
  const { deps } = context;
  return await lookUntilAnswered(context, child.sessionId, async () => {
    const { db } = deps.store;
    const recorded = await findGatewayCall<RecordedCall>(db, callKeyOf(agent));
    const run = await findRun(db, agent.runId);
    if (run === null || recorded === null) throw new ParallaxError("run_not_found", `no run ${agent.runId}`);
    judgeAttempt(run, agent);
    if (recorded.answer.state === "answered") return recorded.answer.answer;
    const settled = (await findItemOfDuty(db, child.dutyId)) !== null;
    if (!settled && !(await waitedEnough(deps, agent.projectId, child.sessionId, recorded.ageMs))) return null;
    return await answerRecorded(deps, agent, async (tx) => await handOut(tx, agent, child));
  });
}

/** A person's wait: nobody is owed anything, the session's own state is looked at. */
export async function awaitSettled(context: ToolContext, person: PersonCaller, sessionId: string): Promise<ToolAnswer> {
  const { deps } = context;
  const begun = deps.clock.monotonic();
  return await lookUntilAnswered(context, sessionId, async () => {
    const session = await findSession(deps.store.db, person.projectId, sessionId);
    const newest = await findNewestRun(deps.store.db, person.projectId, sessionId);
    if (session === null || newest === null) throw unknownSession(sessionId);
    if (session.settledAt !== null && isTerminalRun(newest.state)) return reportAnswer(reportOf(newest));
    if (!(await waitedEnough(deps, person.projectId, sessionId, deps.clock.monotonic() - begun))) return null;
    return stillPending(
      sessionId,
      "get_agent_session_status tells when it is done, get_agent_session_result what came of it.",
    );
  });
}

/** Registers before it looks, so that nothing that happens in between is missed. */
async function lookUntilAnswered(
  context: ToolContext,
  sessionId: string,
  look: () => Promise<ToolAnswer | null>,
): Promise<ToolAnswer> {
  const { deps, caller, signal } = context;
  const endWait = context.beginWait(`waiting for ${sessionId}`);
  try {
    while (!signal.aborted) {
      const looked = new AbortController();
      const woken = deps.wake.waitFor(TOPICS.session, sessionTopicId(caller.projectId, sessionId), {
        timeoutMs: LOOK_EVERY_MS,
        signal: AbortSignal.any([signal, looked.signal]),
      });
      try {
        const answer = await look().catch(tolerateOutage);
        if (answer !== null) return answer;
        await woken;
      } finally {
        looked.abort();
      }
    }
  } finally {
    endWait();
  }
  throw new ParallaxError("shutting_down", "the client went away while the call waited");
}

/** While the database or this attempt is cut off there is no news; the wait outlives both. */
function tolerateOutage(error: unknown): null {
  if (isPassing(error)) return null;
  throw error;
}

async function waitedEnough(deps: Deps, projectId: string, sessionId: string, waitedMs: number): Promise<boolean> {
  return (
    waitedMs >= WAIT_MS_MAX || (await subtreeIdleMs(deps.store.db, projectId, sessionId)) >= deps.limits.syncStallMs
  );
}

/** Decided under the locks of tree and run: until here the item may have come after all. */
async function handOut(tx: Tx, agent: AgentCaller, child: AwaitedChild): Promise<HandOut> {
  const item = await findItemOfDuty(tx, child.dutyId);
  if (item === null)
    return {
      answer: stillPending(
        child.sessionId,
        "Go on with what does not need it, then end your turn: you are resumed with the result.",
      ),
      itemIds: [],
    };
  // it was given to this run while the attempt was cut off, and the agent has not read it
  if (item.state === "assigned" && item.runId === agent.runId) await unassignItems(tx, [item.id]);
  return {
    answer: reportAnswer(item.payload as unknown as ChildReport),
    itemIds: isFree(item, agent) ? [item.id] : [],
  };
}

/** Another call of the same agent may be handing out the same report; then that one's delivery counts. */
function isFree(item: ItemRecord, agent: AgentCaller): boolean {
  if (item.state === "assigned") return item.runId === agent.runId;
  return item.state === "new" && (item.reservedBy === null || item.reservedBy === reservationOf(callKeyOf(agent)));
}

function stillPending(sessionId: string, next: string): ToolAnswer {
  return answerOf({
    session_id: sessionId,
    status: "pending",
    note: `The session goes on, but a call cannot wait longer for it. ${next}`,
  });
}
