import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import type { Logger } from "pino";
import { answerWithin } from "./answer-within.ts";
import type { Queue } from "./contract.ts";
import { openLanes } from "./lanes.ts";
import { openPostgresMessenger } from "./postgres/open-messenger.ts";
import { openSweeps } from "./sweeps.ts";
import { openTimers } from "./timers.ts";

export interface QueueOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
}

/** A caller that waits for the messenger holds a transaction's outcome back: it hears yes or no within this. */
const ANSWER_MS_MAX = 5_000;
const TIDY_INTERVAL_MS = 30_000;
const CLOSE_MS_MAX = 10_000;

/** Does: opens the messenger on BullMQ's PostgreSQL backend, in a schema of its own beside the store's tables. */
export async function createQueue({ databaseUrl, logger }: QueueOptions): Promise<Queue> {
  const messenger = await openPostgresMessenger(databaseUrl, logger).catch((cause: unknown) => {
    if (isParallaxError(cause)) throw cause;
    throw new ParallaxError("store_unavailable", "the queue's database cannot be used", {
      hint: "DATABASE_URL must name a running Postgres, 13 or newer, whose user may create the schema bullmq.",
      cause,
    });
  });
  const lanes = openLanes(messenger, logger);
  const sweeps = openSweeps(logger);
  const timers = await openTimers(messenger, logger).catch(async (error: unknown) => {
    await messenger.close();
    throw error;
  });
  sweeps.every("tidy messenger", TIDY_INTERVAL_MS, async () => lanes.reviveHints(await messenger.tidy()));

  const quickly = <T>(work: Promise<T>): Promise<T> => answerWithin(ANSWER_MS_MAX, work);
  const closeAll = async (): Promise<void> => {
    await sweeps.close();
    await timers.close();
    await messenger.close();
  };
  let closing: Promise<void> | null = null;
  return {
    putHint: async (laneId, runId) => quickly(lanes.putHint(laneId, runId)),
    takeHint: async (laneId) => quickly(lanes.takeHint(laneId)),
    dropHint: async (laneId, runId) => {
      await quickly(lanes.dropHint(laneId, runId)).catch((err: unknown) =>
        logger.debug({ err, laneId, runId }, "hint not dropped"),
      );
    },
    setTimer: async (timer) => quickly(timers.set(timer)),
    cancelTimer: async (id) => quickly(timers.cancel(id)),
    onTimer: timers.fireTo,
    every: sweeps.every,
    close: () => {
      // A database that is gone must not keep the coordinator from ending.
      closing ??= answerWithin(CLOSE_MS_MAX, closeAll()).catch((err: unknown) =>
        logger.warn({ err }, "queue did not close cleanly"),
      );
      return closing;
    },
  };
}
