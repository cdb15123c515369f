/**
 * Wake-ups say "look again" and carry an id, never a fact: the rows have the facts. One that is lost costs the time until
 * the waiter's own timeout. Topics are free words such as "lane", "directives", "events", "session".
 * Within one process today; a broadcast to other replicas adds a transport that calls `publish` here for what it hears.
 */
export interface Wake {
  publish(topic: string, id: string): void;
  /** Hears every id of a topic; gives the way to unsubscribe. */
  subscribe(topic: string, listener: (id: string) => void): () => void;
  /**
   * True when the id is published before the time is over or the signal aborts. It hears from the moment of the call:
   * call it first, look second, await it last, and nothing that happens in between is missed.
   */
  waitFor(topic: string, id: string, options: WaitOptions): Promise<boolean>;
}

interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

type Waiter = () => void;

/** A listener that throws is a mistake of ours: it must be seen, but it must not keep the others from being woken. */
const rethrowLater = (error: unknown): void =>
  queueMicrotask(() => {
    throw error;
  });

interface Topic {
  readonly listeners: Set<(id: string) => void>;
  readonly waiters: Map<string, Set<Waiter>>;
}

/** Every registration is found and removed by its key: the cost of a wake-up is that of the waiters it wakes. */
export function createWake(onListenerError: (error: unknown) => void = rethrowLater): Wake {
  const topics = new Map<string, Topic>();

  const open = (name: string): Topic => {
    const found = topics.get(name) ?? { listeners: new Set(), waiters: new Map() };
    topics.set(name, found);
    return found;
  };
  const forgetIfEmpty = (name: string, topic: Topic): void => {
    if (topic.listeners.size === 0 && topic.waiters.size === 0) topics.delete(name);
  };

  return {
    publish: (name, id) => {
      const topic = topics.get(name);
      for (const waiter of topic?.waiters.get(id) ?? []) waiter();
      for (const listener of topic?.listeners ?? []) {
        try {
          listener(id);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    subscribe: (name, listener) => {
      const topic = open(name);
      // Wrapped, so that the same function may be subscribed twice and each is removed alone.
      const own = (id: string): void => listener(id);
      topic.listeners.add(own);
      return () => {
        topic.listeners.delete(own);
        forgetIfEmpty(name, topic);
      };
    },
    waitFor: async (name, id, { timeoutMs, signal }) => {
      if (signal?.aborted) return false;
      const topic = open(name);
      const waiters = topic.waiters.get(id) ?? new Set<Waiter>();
      topic.waiters.set(id, waiters);
      return await new Promise<boolean>((resolve) => {
        const end = (woken: boolean): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          waiters.delete(wake);
          if (waiters.size === 0) topic.waiters.delete(id);
          forgetIfEmpty(name, topic);
          resolve(woken);
        };
        const wake = (): void => end(true);
        const abort = (): void => end(false);
        const timer = setTimeout(() => end(false), timeoutMs);
        signal?.addEventListener("abort", abort, { once: true });
        waiters.add(wake);
      });
    },
  };
}
