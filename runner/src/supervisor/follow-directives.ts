import type { Directive, LeaseAnswer } from "@parallax/shared/protocol/attempts";
import { createBackoff, pause } from "../http/backoff.ts";
import type { AttemptClient } from "./attempt-client.ts";
import { readLeaseAnswer } from "./lease-answer.ts";
import type { StopRequests } from "./stop-agent.ts";

/** Obeys what the answers of the coordinator carry, each directive once. */
export interface DirectiveFollower {
  obey(answer: LeaseAnswer): void;
  /** Obeyed and not yet told to the coordinator. */
  pending(): readonly number[];
  told(seqs: readonly number[]): void;
  /** Long-polls until `signal` is aborted or the attempt is over. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DirectiveDeps {
  readonly client: AttemptClient;
  readonly incarnation: string;
  readonly stops: StopRequests;
  onAcknowledge(): void;
  onOver(code: string, message: string): void;
  readonly holdMs: number;
}

/** Between two polls that brought nothing new: an answer given at once must not become a hot loop. */
const QUIET_GAP_MS = 1_000;
const ANSWER_MARGIN_MS = 10_000;
const TOLD_MAX = 100;

export function followDirectives(deps: DirectiveDeps): DirectiveFollower {
  const obeyed = new Set<number>();
  const untold = new Set<number>();

  const obeyOne = (directive: Directive): void => {
    // A message stays unacknowledged, and thereby in the session's inbox: nothing here can put it into a live turn yet.
    if (directive.kind === "message" || obeyed.has(directive.seq)) return;
    obeyed.add(directive.seq);
    untold.add(directive.seq);
    deps.stops.request({ kind: directive.kind, reason: directive.reason ?? directive.kind });
    deps.onAcknowledge();
  };

  const obey = (answer: LeaseAnswer): void => {
    for (const directive of answer.directives) obeyOne(directive);
    if (answer.stop !== null) deps.stops.request({ kind: "stop", reason: answer.stop.reason });
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    const backoff = createBackoff({ firstMs: 250, maxMs: 5_000 });
    const query = { incarnation: deps.incarnation, hold_ms: String(deps.holdMs) };
    while (!signal.aborted) {
      const before = obeyed.size;
      const result = await deps.client.get("directives", query, { signal, timeoutMs: deps.holdMs + ANSWER_MARGIN_MS });
      if (result.kind === "end_attempt") {
        deps.onOver(result.code, result.message);
        return;
      }
      const answer = result.kind === "ok" ? readLeaseAnswer(result.body) : null;
      if (answer !== null) obey(answer);
      if (answer !== null || result.kind === "nothing") {
        backoff.reset();
        if (obeyed.size === before) await pause(QUIET_GAP_MS, signal);
      } else {
        await pause((result.kind === "retry" ? result.afterMs : null) ?? backoff.nextMs(), signal);
      }
    }
  };

  return {
    obey,
    pending: () => [...untold].slice(0, TOLD_MAX),
    told: (seqs) => {
      for (const seq of seqs) untold.delete(seq);
    },
    run,
  };
}
