import { type Deps, sessionTopicId, TOPICS } from "./deps.ts";
import type { TimerRequest } from "./queue/contract.ts";
import type { Tx } from "./store/store.ts";

/**
 * What a transaction wants to happen after its commit: hints and wake-ups. Collected while it runs, thrown away when it is
 * repeated or fails, published once when it has committed. Losing them costs latency only; sweeps find what they meant.
 */
export interface Effects {
  /** A run became ready in this lane. */
  ready(laneId: string, runId: string): void;
  /** It no longer is: stopped, expired, or something else goes first. */
  unready(laneId: string, runId: string): void;
  wake(topic: string, id: string): void;
  session(projectId: string, sessionId: string): void;
  /** Look at this session again when a pause is over. */
  later(kind: TimerKind, projectId: string, sessionId: string, delayMs: number): void;
}

/** promote: a run's time has come, or an occupation is over. assign: an item's pause is over. */
type TimerKind = "promote" | "assign";

class CollectedEffects implements Effects {
  readonly readied = new Map<string, string>();
  readonly unreadied = new Map<string, string>();
  readonly wakes = new Map<string, { topic: string; id: string }>();
  readonly timers = new Map<string, TimerRequest>();

  ready(laneId: string, runId: string): void {
    this.unreadied.delete(runId);
    this.readied.set(runId, laneId);
  }

  unready(laneId: string, runId: string): void {
    this.readied.delete(runId);
    this.unreadied.set(runId, laneId);
  }

  wake(topic: string, id: string): void {
    this.wakes.set(`${topic} ${id}`, { topic, id });
  }

  session(projectId: string, sessionId: string): void {
    this.wake(TOPICS.session, sessionTopicId(projectId, sessionId));
  }

  later(kind: TimerKind, projectId: string, sessionId: string, delayMs: number): void {
    const id = `${kind}/${projectId}/${sessionId}`;
    const known = this.timers.get(id);
    // a pause that ends a little late is found by the sweep's condition, one that fires early is not
    const rounded = Math.max(0, Math.ceil(delayMs)) + 5;
    if (known === undefined || known.delayMs > rounded)
      this.timers.set(id, { id, kind, delayMs: rounded, data: { projectId, sessionId } });
  }
}

/** One transaction with its effects; the only way transitions write. */
export async function transact<T>(deps: Deps, work: (tx: Tx, effects: Effects) => Promise<T>): Promise<T> {
  let effects = new CollectedEffects();
  const result = await deps.store.transaction(async (tx) => {
    effects = new CollectedEffects();
    return await work(tx, effects);
  });
  publish(deps, effects);
  return result;
}

function publish(deps: Deps, effects: CollectedEffects): void {
  for (const timer of effects.timers.values()) {
    deps.queue.setTimer(timer).catch((error: unknown) => {
      deps.logger.warn({ err: error, timerId: timer.id }, "timer not stored; the sweep will do its work");
    });
  }
  for (const { topic, id } of effects.wakes.values()) deps.wake.publish(topic, id);
  for (const [runId, laneId] of effects.unreadied) void deps.queue.dropHint(laneId, runId).catch(() => undefined);
  for (const [runId, laneId] of effects.readied) {
    // the in-process wake does not wait for the messenger: with one coordinator the hint is for a crash in between
    deps.wake.publish(TOPICS.lane, laneId);
    deps.queue.putHint(laneId, runId).catch((error: unknown) => {
      deps.logger.warn({ err: error, runId, laneId }, "hint not stored; the sweep will find the run");
    });
  }
}
