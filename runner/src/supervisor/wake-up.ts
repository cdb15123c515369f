import { setTimeout as sleep } from "node:timers/promises";

/** Lets one loop sleep until there is something to do. A call while nobody sleeps is remembered. */
export interface WakeUp {
  wake(): void;
  /** Resolves at the next `wake`, after `ms`, or when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWakeUp(): WakeUp {
  let pending = false;
  let resolve: (() => void) | null = null;
  return {
    wake: () => {
      pending = true;
      resolve?.();
    },
    sleep: async (ms, signal) => {
      if (!pending && !signal.aborted) {
        const timer = new AbortController();
        const called = new Promise<void>((done) => {
          resolve = done;
        });
        const elapsed = sleep(ms, undefined, { signal: AbortSignal.any([signal, timer.signal]) }).catch(
          () => undefined,
        );
        await Promise.race([called, elapsed]);
        timer.abort();
        resolve = null;
      }
      pending = false;
    },
  };
}
