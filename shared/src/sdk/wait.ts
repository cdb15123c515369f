/** Waiting that ends: with the state waited for, at the time limit, or by the caller's signal. */
import { isParallaxError, ParallaxError } from "../errors.ts";
import { pause } from "./pause.ts";

export interface WaitOptions {
  /** Default 10 minutes; then ParallaxError `timeout`. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 600_000;
const LOOK_EVERY_MS_MIN = 50;
const LOOK_EVERY_MS_MAX = 1_000;

/** A coordinator that does not answer now (restart, upgrade) is asked again until the time is up. */
export async function waitUntil<T>(
  read: (signal: AbortSignal) => Promise<T>,
  isReached: (value: T) => boolean,
  describe: (value: T | undefined) => string,
  options: WaitOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  let last: T | undefined;
  let lookEveryMs = LOOK_EVERY_MS_MIN;
  try {
    for (;;) {
      try {
        last = await read(signal);
        if (isReached(last)) return last;
      } catch (error) {
        if (signal.aborted || !isParallaxError(error) || error.retry !== "later") throw error;
      }
      await pause(lookEveryMs, signal);
      lookEveryMs = Math.min(lookEveryMs * 1.5, LOOK_EVERY_MS_MAX);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new ParallaxError("timeout", `${describe(last)} after ${timeoutMs} ms`, { cause: error });
  }
}
