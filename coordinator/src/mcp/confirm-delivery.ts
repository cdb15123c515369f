/**
 * Confirm: the gateway wrote a call's answer to the agent; the reports it carried are consumed.
 * Called by: POST …/attempts/{n}/delivered.  Requires: the newest attempt and its bound supervisor.
 * Writes: inbox_items.  Emits: session wake.
 * Without it the run's end lets go of them, and they reach the agent as an ordinary callback: twice rather than never.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { consumeItems, findReservedBy } from "../store/inbox.ts";
import { findRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { lockTree } from "../store/trees.ts";
import { type AgentAttempt, fenceAgent } from "./fence-agent.ts";
import { reservationOf } from "./identify-caller.ts";

export interface DeliveredCall extends AgentAttempt {
  readonly call: number;
}

export async function confirmDelivery(deps: Deps, delivered: DeliveredCall): Promise<void> {
  const reservation = reservationOf(delivered);
  // every call is confirmed, few carried a report
  if ((await findReservedBy(deps.store.db, reservation)).length === 0) return;
  const seen = await findRun(deps.store.db, delivered.runId);
  const session = seen === null ? null : await findSession(deps.store.db, seen.projectId, seen.sessionId);
  if (seen === null || session === null) throw new ParallaxError("run_not_found", `no run ${delivered.runId}`);
  // its end has let go of what was reserved
  if (isTerminalRun(seen.state)) return;
  await transact(deps, async (tx, effects) => {
    await lockTree(tx, seen.projectId, session.rootSessionId);
    await fenceAgent(tx, delivered, false);
    const items = await findReservedBy(tx, reservation);
    await consumeItems(
      tx,
      items.map((item) => item.id),
    );
    effects.session(seen.projectId, seen.sessionId);
  });
}
