import { randomUUID } from "node:crypto";
import { ParallaxError } from "@parallax/shared/errors";
import type { IQueueBackend } from "bullmq";
import { Queue as BullQueue, Worker } from "bullmq";
import type { Logger } from "pino";
import type { Messenger } from "./messenger.ts";

/** A lane's two ends: jobs are added at one and pulled by hand at the other. They hold no connection of their own. */
interface Lane {
  readonly queue: BullQueue<object, null, string, object, null, string, IQueueBackend>;
  readonly puller: Worker<object, null, string, IQueueBackend>;
}

export interface Lanes {
  putHint(laneId: string, runId: string): Promise<void>;
  takeHint(laneId: string): Promise<string | null>;
  dropHint(laneId: string, runId: string): Promise<void>;
  /** Gives back the hints whose taker died in between. A hint found so is freed by the second call. */
  reviveHints(laneIds: readonly string[]): Promise<void>;
}

const LANES_OPEN_MAX = 256;
/** Between taking a hint and forgetting it lies one statement; who has not done that by then is dead. */
const TAKE_TTL_MS = 10_000;
const JOB_NAME = "hint";
const LANE_ID = /^lane_[A-Za-z0-9_-]{1,120}$/;

/** Hints: one BullMQ queue per lane, the run's id is the job's id, so that a second hint for a run is none. */
export function openLanes(messenger: Messenger, logger: Logger): Lanes {
  const open = new Map<string, Lane>();
  const token = randomUUID();

  const lane = (laneId: string): Lane => {
    const found = open.get(laneId) ?? openLane(messenger, laneId, logger);
    // Last in the map is last used, first is first to go. A lane that goes loses nothing but two objects.
    open.delete(laneId);
    open.set(laneId, found);
    const [oldest] = open.keys();
    if (open.size > LANES_OPEN_MAX && oldest !== undefined) open.delete(oldest);
    return found;
  };

  return {
    putHint: async (laneId, runId) => {
      await lane(laneId).queue.add(JOB_NAME, {}, { jobId: runId });
    },
    takeHint: async (laneId) => {
      const { puller } = lane(laneId);
      // A job that was found stalled too often comes back marked as failed; as a hint it is as good as any.
      const job = await puller.getNextJob(token, { block: false });
      if (job === undefined) return null;
      await job.moveToCompleted(null, token, false);
      return job.id ?? null;
    },
    dropHint: async (laneId, runId) => {
      await lane(laneId).queue.remove(runId, { removeChildren: false });
    },
    reviveHints: async (laneIds) => {
      for (const laneId of laneIds) {
        if (LANE_ID.test(laneId)) await lane(laneId).puller.getBackend().moveStalledJobsToWait();
      }
    },
  };
}

function openLane(messenger: Messenger, laneId: string, logger: Logger): Lane {
  if (!LANE_ID.test(laneId)) throw new ParallaxError("internal", "not a lane's id", { details: { laneId } });
  const queue: Lane["queue"] = new BullQueue(
    laneId,
    {
      connection: {},
      // Neither a version nor a limit is kept per lane: that would be two more writes for each.
      skipMetasUpdate: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    },
    messenger.shared,
  );
  const puller: Lane["puller"] = new Worker(
    laneId,
    null,
    {
      connection: {},
      autorun: false,
      lockDuration: TAKE_TTL_MS,
      // BullMQ looks only once per this; the tidying sweep has an interval of its own.
      stalledInterval: 1,
      removeOnComplete: { count: 0 },
    },
    messenger.shared,
  );
  // Every operation rejects as well; unheard, the event would be written to the console.
  const onError = (err: Error): void => logger.debug({ err, laneId }, "lane reported an error");
  queue.on("error", onError);
  puller.on("error", onError);
  return { queue, puller };
}
