import { hostname } from "node:os";
import type { Clock } from "@parallax/shared/clock";
import type { LeaseAnswer } from "@parallax/shared/protocol/attempts";
import { createBackoff, pause } from "../http/backoff.ts";
import type { AttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import { readLeaseAnswer } from "./lease-answer.ts";
import { type Moment, takeMoment } from "./lease-keeper.ts";

export interface AcceptedHello {
  readonly sentAt: Moment;
  readonly answer: LeaseAnswer;
}

export interface HelloDeps {
  readonly client: AttemptClient;
  readonly clock: Clock;
  readonly log: AttemptLog;
  readonly over: AttemptOver;
  readonly incarnation: string;
}

/**
 * Binds this supervisor to the attempt; no agent is started before that. Repeated until it is answered: a repeat by the same
 * incarnation is the same hello. Null when the attempt is over, also because another supervisor was first.
 */
export async function sayHello(deps: HelloDeps): Promise<AcceptedHello | null> {
  const body = JSON.stringify({ incarnation: deps.incarnation, hostname: hostname(), pid: process.pid });
  const backoff = createBackoff({ firstMs: 200, maxMs: 5_000 });
  while (!deps.over.signal.aborted) {
    const sentAt = takeMoment(deps.clock);
    const result = await deps.client.post("hello", body, { signal: deps.over.signal });
    if (result.kind === "end_attempt" || (result.kind === "refused" && result.refusal.status === 404)) {
      const { code, message } = result.kind === "refused" ? result.refusal : result;
      // A run that is being stopped waits for somebody to say that nothing of it lives; the runner will.
      deps.over.end({ kind: code === "run_stopping" ? "given_up" : "superseded", code, message });
      return null;
    }
    const answer = result.kind === "ok" ? readLeaseAnswer(result.body) : null;
    if (answer !== null) return { sentAt, answer };
    const reason =
      result.kind === "refused"
        ? result.refusal.code
        : result.kind === "retry"
          ? result.reason
          : "an answer without a lease";
    deps.log.warn({ reason }, "hello was not accepted yet");
    await pause((result.kind === "retry" ? result.afterMs : null) ?? backoff.nextMs(), deps.over.signal);
  }
  return null;
}
