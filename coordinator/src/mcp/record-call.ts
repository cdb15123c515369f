/**
 * Record: a call of an agent that changes something is written down in the transaction that changes it, so that a repeat after a lost
 * answer finds what was done instead of doing it again.
 * Called by: start, resume, delete.  Requires: the newest attempt, running; the tree's lock, taken here, lets one of two repeats go first.
 * Writes: gateway_calls and what `work` writes (one transaction).  Emits: what `work` emits.
 */
import { ParallaxError } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { type Effects, transact } from "../effects.ts";
import { changeGatewayCall, findGatewayCall, insertGatewayCall } from "../store/gateway-calls.ts";
import { reserveItem } from "../store/inbox.ts";
import { lockSession } from "../store/sessions.ts";
import type { Tx } from "../store/store.ts";
import { lockTree } from "../store/trees.ts";
import type { ToolAnswer } from "./answers.ts";
import { fenceAgent } from "./fence-agent.ts";
import { type AgentCaller, callKeyOf, reservationOf } from "./identify-caller.ts";

/** A session that a call waits for, and the duty whose payment it waits for. */
export interface AwaitedChild {
  readonly sessionId: string;
  readonly dutyId: string;
}

export type RecordedCall =
  | { readonly state: "answered"; readonly answer: ToolAnswer }
  /** A child was started; the answer is its end. */
  | { readonly state: "waiting"; readonly child: AwaitedChild }
  /** Accepted, and carried out in steps that a repeat can take again. */
  | { readonly state: "deleting"; readonly sessionIds: readonly string[] };

export async function recordCall(
  deps: Deps,
  agent: AgentCaller,
  tool: string,
  work: (tx: Tx, effects: Effects) => Promise<RecordedCall>,
): Promise<RecordedCall> {
  const key = callKeyOf(agent);
  return await transact(deps, async (tx, effects) => {
    await lockTree(tx, agent.projectId, agent.rootSessionId);
    const known = await findGatewayCall<RecordedCall>(tx, key);
    if (known !== null && known.tool !== tool)
      throw new ParallaxError("idempotency_conflict", `call ${key.call} of this attempt was ${known.tool}`);
    if (known !== null) return known.answer;
    // session before run, as everywhere
    await lockSession(tx, agent.projectId, agent.sessionId);
    await fenceAgent(tx, agent, true);
    const record = await work(tx, effects);
    await insertGatewayCall(tx, key, tool, record);
    return record;
  });
}

/** What a call hands out: its answer, and the inbox items that need not be reported again once the agent has it. */
export interface HandOut {
  readonly answer: ToolAnswer;
  readonly itemIds: readonly string[];
}

/**
 * Ends a recorded call: its answer is kept for repeats, its items are reserved until the delivery is confirmed or the run ends.
 * The first answer stays, whoever asks again.
 */
export async function answerRecorded(
  deps: Deps,
  agent: AgentCaller,
  decide: (tx: Tx) => Promise<HandOut>,
): Promise<ToolAnswer> {
  const key = callKeyOf(agent);
  return await transact(deps, async (tx) => {
    await lockTree(tx, agent.projectId, agent.rootSessionId);
    await fenceAgent(tx, agent, false);
    const known = await findGatewayCall<RecordedCall>(tx, key);
    if (known?.answer.state === "answered") return known.answer.answer;
    const { answer, itemIds } = await decide(tx);
    for (const id of itemIds) await reserveItem(tx, id, reservationOf(key));
    await changeGatewayCall(tx, key, { state: "answered", answer } satisfies RecordedCall);
    return answer;
  });
}
