import type { AttemptClient, SettledResult } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";

/**
 * State travels in calls of its own, never behind the log: the agent's own session id, and which inbox items it took.
 * What is said here is kept for the completion, which repeats all of it.
 */
export interface StateCalls {
  bind(executorSessionId: string): void;
  take(items: readonly string[]): void;
  readonly executorSessionId: string | null;
  readonly itemsTaken: readonly string[];
}

export interface StateCallDeps {
  readonly client: AttemptClient;
  readonly log: AttemptLog;
  readonly incarnation: string;
  readonly signal: AbortSignal;
  onOver(code: string, message: string): void;
}

export function createStateCalls(deps: StateCallDeps, executorSessionId: string | null): StateCalls {
  let bound = executorSessionId;
  const taken = new Set<string>();
  let queue: Promise<void> = Promise.resolve();

  const say = (action: string, body: object): void => {
    queue = queue.then(async () => {
      const result = await deps.client.postUntilAnswered(
        action,
        JSON.stringify({ incarnation: deps.incarnation, ...body }),
        deps.signal,
      );
      report(deps, action, result);
    });
  };

  return {
    bind: (id) => {
      if (id === bound) return;
      bound = id;
      say("bind", { executor_session_id: id });
    },
    take: (items) => {
      const fresh = items.filter((item) => !taken.has(item));
      if (fresh.length === 0) return;
      for (const item of fresh) taken.add(item);
      say("taken", { items: fresh });
    },
    get executorSessionId() {
      return bound;
    },
    get itemsTaken() {
      return [...taken];
    },
  };
}

function report(deps: StateCallDeps, action: string, result: SettledResult | null): void {
  if (result?.kind === "end_attempt") deps.onOver(result.code, result.message);
  // The completion says it again; a refusal here must not end the run.
  if (result?.kind === "refused")
    deps.log.warn({ action, code: result.refusal.code, status: result.refusal.status }, "a state call was refused");
}
