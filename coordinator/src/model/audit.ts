import { DEFAULT_LIMITS, type Limits } from "@parallax/shared/limits";
import { type History, readHistory } from "../store/history.ts";
import type { Store } from "../store/store.ts";
import { auditAttempts } from "./audit-attempts.ts";
import { auditInbox } from "./audit-inbox.ts";
import { auditSessions } from "./audit-sessions.ts";
import { indexHistory } from "./indexed-history.ts";

export interface Audit {
  /** One sentence each, beginning with the invariant that does not hold; empty when all is well. */
  readonly violations: string[];
  /** What was looked at, so that an audit of nothing cannot pass for a good one. */
  readonly counts: Record<string, number>;
}

export interface AuditOptions {
  /** Only this project; everything when left out. */
  readonly projectId?: string;
  readonly limits?: Pick<Limits, "deliveriesMax" | "offersMax">;
  /** How late what waits for a time may be: the sweeps are periodic. */
  readonly slackMs?: number;
}

/**
 * Checks I1–I4, I6, I7 and I12 of ARCHITECTURE.md over everything that a database remembers, at one moment, also while others write.
 * It knows the promises and not the code that keeps them.
 */
export async function auditDatabase(store: Pick<Store, "db">, options: AuditOptions = {}): Promise<Audit> {
  const history = await readHistory(store.db, options.projectId ?? null);
  const indexed = indexHistory(history, {
    deliveriesMax: (options.limits ?? DEFAULT_LIMITS).deliveriesMax,
    offersMax: (options.limits ?? DEFAULT_LIMITS).offersMax,
    slackMs: options.slackMs ?? 2 * DEFAULT_LIMITS.inboxSweepMs,
  });
  return {
    violations: [...auditAttempts(indexed), ...auditSessions(indexed), ...auditInbox(indexed)],
    counts: countRows(history),
  };
}

function countRows({ sessions, runs, attempts, duties, items, streams }: History): Record<string, number> {
  const counts: Record<string, number> = {
    sessions: sessions.length,
    runs: runs.length,
    attempts: attempts.length,
    duties: duties.length,
    items: items.length,
    events: streams.reduce((sum, stream) => sum + stream.events, 0),
  };
  for (const run of runs) counts[`runs ${run.state}`] = (counts[`runs ${run.state}`] ?? 0) + 1;
  for (const item of items) counts[`items ${item.state}`] = (counts[`items ${item.state}`] ?? 0) + 1;
  return counts;
}
