import { setTimeout as sleep } from "node:timers/promises";

export interface Backoff {
  /** How long to wait before the next try; doubles up to the bound, with ±20 % so that a fleet does not march in step. */
  nextMs(): number;
  reset(): void;
  /** Waits since the last reset. */
  readonly tries: number;
}

export function createBackoff(
  bounds: { readonly firstMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): Backoff {
  let currentMs = bounds.firstMs;
  let tries = 0;
  return {
    nextMs: () => {
      const waitMs = currentMs;
      tries += 1;
      currentMs = Math.min(currentMs * 2, bounds.maxMs);
      return jitter(waitMs, random);
    },
    reset: () => {
      currentMs = bounds.firstMs;
      tries = 0;
    },
    get tries() {
      return tries;
    },
  };
}

/** ±20 %. */
export function jitter(ms: number, random: () => number = Math.random): number {
  return Math.round(ms * (0.8 + 0.4 * random()));
}

/** Waits, or returns at once when `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: whoever waits looks at its signal.
  }
}
