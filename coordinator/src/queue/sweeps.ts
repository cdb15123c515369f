import type { Logger } from "pino";

export interface Sweeps {
  every(name: string, intervalMs: number, handler: () => Promise<void>): void;
  /** No sweep starts any more; resolves when the running ones have ended. */
  close(): Promise<void>;
}

/** Replicas that were started together must not sweep together. */
const JITTER = 0.1;

/** Periodic work of this process. It does not go through the messenger, because it is what repairs a broken one. */
export function openSweeps(logger: Logger, random: () => number = Math.random): Sweeps {
  const timers = new Map<symbol, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let closed = false;

  const run = async (name: string, handler: () => Promise<void>): Promise<void> => {
    try {
      await handler();
    } catch (err) {
      logger.error({ err, sweep: name }, "sweep failed");
    }
  };

  return {
    every: (name, intervalMs, handler) => {
      const key = Symbol(name);
      const schedule = (): void => {
        if (closed) return;
        const pauseMs = intervalMs * (1 + JITTER * (2 * random() - 1));
        timers.set(
          key,
          setTimeout(() => {
            // The next one is set only when this one has ended, so a slow sweep never meets itself.
            const sweep = run(name, handler).finally(() => {
              running.delete(sweep);
              schedule();
            });
            running.add(sweep);
          }, pauseMs),
        );
      };
      schedule();
    },
    close: async () => {
      closed = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
