import { setTimeout as sleep } from "node:timers/promises";
import type { ParallaxError } from "@parallax/shared/errors";
import {
  type AcquireContext,
  acquirePostmaster,
  asStartFailure,
  awaitReady,
  type Postmaster,
} from "./acquire-postmaster.ts";
import { isPostmasterOf } from "./cluster-processes.ts";
import type { Restoration } from "./contract.ts";
import { stopPostmaster } from "./stop-postmaster.ts";

export interface Watch {
  readonly outage: Set<() => void>;
  readonly restored: Set<(restoration: Restoration) => void>;
  failure(): ParallaxError | null;
  processId(): number;
  stop(): Promise<void>;
}

const BACKOFF_MS_MAX = 30_000;
/** A server that stayed up this long has recovered from whatever ended the one before. */
const STABLE_AFTER_MS = 5_000;

/**
 * Does: keeps the postmaster running until it is stopped.
 * A server that loses one process throws all of them away and recovers, or dies; either way the watching connection
 * ends within milliseconds. Never gives up: a full disk may be emptied, and this loop costs nothing while it waits.
 */
export function watchPostmaster(context: Omit<AcquireContext, "signal" | "port">, first: Postmaster): Watch {
  const { home, logger } = context;
  const stopping = new AbortController();
  const acquire = { ...context, port: first.port, signal: stopping.signal };
  const outage = new Set<() => void>();
  const restored = new Set<(restoration: Restoration) => void>();
  let current = first;
  let failure: ParallaxError | null = null;

  const recover = async (crashes: number): Promise<Postmaster> => {
    const survivor = await isPostmasterOf(current.pid, home.clusterDir);
    const isAlive = (): Promise<boolean> => isPostmasterOf(current.pid, home.clusterDir);
    const connection = survivor ? await awaitReady(acquire, current.port, isAlive) : null;
    if (connection !== null) return { ...current, connection };
    if (crashes > 1) await sleep(backoffMs(crashes), undefined, { signal: stopping.signal });
    return await acquirePostmaster(acquire);
  };

  const loop = async (): Promise<void> => {
    let crashes = 0;
    let upSince = performance.now();
    for (;;) {
      await current.connection.closed;
      if (stopping.signal.aborted) return;
      const noticedAt = performance.now();
      crashes = noticedAt - upSince > STABLE_AFTER_MS ? 1 : crashes + 1;
      logger.error({ postmasterPid: current.pid, crashes }, "embedded postgres is down");
      for (const listener of outage) tell(listener);
      const before = current.pid;
      for (;;) {
        try {
          current = await recover(crashes);
          break;
        } catch (error) {
          if (stopping.signal.aborted) return;
          failure = asStartFailure(error);
          logger.error(
            { err: failure, details: failure.details, hint: failure.hint, crashes },
            "embedded postgres cannot be restarted",
          );
          crashes += 1;
        }
      }
      failure = null;
      upSince = performance.now();
      const restoration = { downMs: Math.round(upSince - noticedAt), restarted: current.pid !== before };
      logger.info({ postmasterPid: current.pid, ...restoration }, "embedded postgres is back");
      for (const listener of restored) tell(() => listener(restoration));
    }
  };

  const tell = (listener: () => void): void => {
    try {
      listener();
    } catch (err) {
      logger.error({ err }, "listener of the embedded postgres failed");
    }
  };

  const watching = loop();
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    stopping.abort();
    current.connection.close();
    await watching;
    await stopPostmaster(current.pid, home.clusterDir, logger);
  };
  return {
    outage,
    restored,
    failure: () => failure,
    processId: () => current.pid,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** 200 ms, doubled with each crash in a row; the first restart is immediate. */
function backoffMs(crashes: number): number {
  return Math.min(BACKOFF_MS_MAX, 100 * 2 ** Math.min(crashes - 1, 12));
}
