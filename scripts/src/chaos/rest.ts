import { setTimeout as sleep } from "node:timers/promises";
import { isTerminalRun } from "@parallax/shared/run-state";
import type { Sql } from "postgres";
import type { SeenEnd } from "./audit/find-doubled.ts";
import { type Facts, loadFacts } from "./audit/load-facts.ts";

/** Nothing works, nothing is owed to anybody, and nothing lies in an inbox that is not held. */
function isAtRest(facts: Facts): boolean {
  const held = new Set(facts.sessions.filter((session) => session.held).map(({ id }) => id));
  return (
    facts.runs.every((run) => isTerminalRun(run.state)) &&
    facts.duties.every((duty) => duty.state === "paid" || held.has(duty.parentSessionId)) &&
    facts.items.every((item) => item.state === "consumed" || item.state === "set_aside" || held.has(item.sessionId))
  );
}

const LOOK_EVERY_MS = 500;

export interface RestWatch {
  /** Every end as it was first seen. */
  readonly ends: readonly SeenEnd[];
  /** The last look that succeeded. */
  latest(): Promise<Facts>;
  /** True when everything came to rest within the time. */
  rest(withinMs: number): Promise<boolean>;
}

/** Looks at the rows all the time, so that an end that changes is seen although it changes back. Outages are waited out. */
export function watchRest(openSql: () => Promise<Sql>, signal: AbortSignal): RestWatch {
  const ends = new Map<string, SeenEnd>();
  const look = async (): Promise<Facts> => {
    const facts = await loadFacts(await openSql());
    for (const { id, state, outcome } of facts.runs)
      if (isTerminalRun(state) && !ends.has(id)) ends.set(id, { runId: id, state, outcome });
    return facts;
  };
  return {
    get ends() {
      return [...ends.values()];
    },
    latest: async () => {
      for (;;) {
        try {
          return await look();
        } catch (error) {
          signal.throwIfAborted();
          if (!isOutage(error)) throw error;
          await sleep(LOOK_EVERY_MS, undefined, { signal });
        }
      }
    },
    async rest(withinMs) {
      const deadline = performance.now() + withinMs;
      for (let quiet = 0; quiet < 2; ) {
        quiet = isAtRest(await this.latest()) ? quiet + 1 : 0;
        if (performance.now() > deadline) return false;
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
      return true;
    },
  };
}

function isOutage(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? "");
  return /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|57P|08|40001)/.test(code);
}
