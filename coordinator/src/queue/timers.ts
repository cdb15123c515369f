import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ParallaxError } from "@parallax/shared/errors";
import type { Job } from "bullmq";
import { Queue as BullQueue, Worker } from "bullmq";
import type { Logger } from "pino";
import { z } from "zod";
import type { TimerHandler, TimerRequest } from "./contract.ts";
import type { Messenger } from "./messenger.ts";
import { isOutage } from "./outage.ts";

export interface Timers {
  set(timer: TimerRequest): Promise<void>;
  cancel(id: string): Promise<void>;
  fireTo(handler: TimerHandler): void;
  close(): Promise<void>;
}

const QUEUE = "timers";
/** Timers that fire at the same moment and run side by side; the rest wait their turn. */
const CONCURRENCY = 16;
/** A timer whose process died fires again after at most this and two checks. Renewed while its handler runs. */
const FIRING_TTL_MS = 15_000;
const DEAD_CHECK_MS = 5_000;
/** How long the worker sleeps without being woken. A wake-up that got lost costs at most this. */
const IDLE_SECONDS_MAX = 2;
/** With doubling pauses from 250 ms: about a minute. After that the sweeps find what the timer was about. */
const ATTEMPTS_MAX = 9;
const RETRY_MS = 250;
/** Another process sets the same timer at the same moment: the last one to try wins. */
const SET_ROUNDS_MAX = 10;
const SET_PAUSE_MS_MAX = 20;
const DELAY_MS_MAX = 366 * 24 * 3_600_000;

const payload = z.object({ id: z.string(), kind: z.string(), data: z.record(z.string(), z.string()) });

/**
 * Timers: one BullMQ queue of delayed jobs. Each setting is a job of its own with a random id, and BullMQ's deduplication
 * key says which job is the timer's present one. A job that is firing cannot be replaced; it is detached from the key
 * instead, so that a handler may set its own timer again.
 */
export async function openTimers(messenger: Messenger, logger: Logger): Promise<Timers> {
  const queue = new BullQueue(QUEUE, { connection: {}, skipMetasUpdate: true }, messenger.shared);
  let handler: TimerHandler | null = null;
  const worker = new Worker(
    QUEUE,
    async (job: Job) => {
      const timer = payload.parse(job.data);
      await handler?.(timer);
    },
    {
      connection: {},
      autorun: false,
      concurrency: CONCURRENCY,
      lockDuration: FIRING_TTL_MS,
      stalledInterval: DEAD_CHECK_MS,
      maxStalledCount: ATTEMPTS_MAX,
      runRetryDelay: RETRY_MS,
      drainDelay: IDLE_SECONDS_MAX,
    },
    messenger.waiting,
  );
  // An outage is told by the pool, once; each connection that ends in it would tell it again here.
  const onError = (err: Error): void => {
    const level = "code" in err && isOutage(err) ? "debug" : "warn";
    // not the error as it is: the driver hangs its whole client on it
    logger[level]({ code: "code" in err ? err.code : undefined, reason: err.message }, "timers reported an error");
  };
  queue.on("error", onError);
  worker.on("error", onError);
  worker.on("failed", (job, err) => {
    const fields = { err, timerId: job?.data?.id, kind: job?.name, attempt: job?.attemptsMade };
    if (job === undefined || job.attemptsMade < ATTEMPTS_MAX) logger.warn(fields, "timer failed and is tried again");
    else logger.error(fields, "timer failed for the last time");
  });
  await worker.waitUntilReady();

  /** The timer's present job, unless it could be taken away; then it is firing, or another process was faster. */
  const remove = async (id: string): Promise<string | null> => {
    const present = await queue.getDeduplicationJobId(id);
    if (present === null) return null;
    return (await queue.remove(present, { removeChildren: false })) === 0 ? present : null;
  };

  const set = async ({ id, kind, delayMs, data }: TimerRequest): Promise<void> => {
    for (let round = 0; round < SET_ROUNDS_MAX; round += 1) {
      const firing = await remove(id);
      if (firing !== null) await queue.getBackend().removeDeduplicationKey(id, firing);
      const jobId = randomUUID();
      const options = { ...JOB_OPTIONS, jobId, delay: Math.round(delayMs), deduplication: { id } };
      const job = await queue.add(kind, { id, kind, data }, options);
      if (job.id === jobId) return;
      await sleep(Math.random() * SET_PAUSE_MS_MAX);
    }
    throw new ParallaxError("store_unavailable", "the timer is being set by several processes at once", {
      details: { id },
    });
  };
  const inOrder = createOrder();

  return {
    set: async (timer) => {
      const { id, delayMs } = timer;
      if (!(delayMs >= 0 && delayMs <= DELAY_MS_MAX)) {
        throw new ParallaxError("internal", "a timer's delay must be between zero and a year", {
          details: { id, delayMs },
        });
      }
      await inOrder(id, () => set(timer));
    },
    cancel: (id) =>
      inOrder(id, async () => {
        await remove(id);
      }),
    fireTo: (given) => {
      if (handler !== null) throw new ParallaxError("internal", "timers have a handler already");
      handler = given;
      worker.run().catch((err: unknown) => logger.error({ err }, "timers have ended"));
    },
    close: async () => {
      await worker.close();
      await queue.close();
    },
  };
}

const JOB_OPTIONS = {
  attempts: ATTEMPTS_MAX,
  backoff: { type: "exponential", delay: RETRY_MS },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

/** Runs what concerns one id in the order in which it was asked for, so that the last setting is the one that stays. */
function createOrder(): (id: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>();
  return async (id, work) => {
    const mine = (last.get(id) ?? Promise.resolve()).catch(() => undefined).then(work);
    last.set(id, mine);
    try {
      await mine;
    } finally {
      if (last.get(id) === mine) last.delete(id);
    }
  };
}
