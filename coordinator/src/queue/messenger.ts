import type { BackendFactory } from "bullmq";

/** Where BullMQ keeps its jobs. One implementation today: `postgres/`. */
export interface Messenger {
  /** For queues that are filled and emptied by hand: any number of them over the same few connections. */
  readonly shared: BackendFactory;
  /** For the one worker that waits until something falls due: it holds a connection of its own. */
  readonly waiting: BackendFactory;
  /** Throws away what BullMQ would keep for good, and names the queues that hold a job whose taker died. */
  tidy(): Promise<readonly string[]>;
  close(): Promise<void>;
}
