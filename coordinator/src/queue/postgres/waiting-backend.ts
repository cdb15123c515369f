import { PostgresQueueBackend } from "bullmq";

/** BullMQ would trust a listening connection for an hour. A peer that vanished without a word must not cost that much. */
const BLOCK_SECONDS_MAX = 2;

/**
 * BullMQ's backend, but one that never waits on a connection that does not listen. BullMQ remembers that it listens, and
 * the memory is wrong when the connection dies just as the answer to LISTEN comes in: measured, one restart of Postgres
 * in 25 left a worker deaf until its next timeout. So it is told to forget before each wait; listening twice is free.
 */
export class WaitingBackend extends PostgresQueueBackend {
  #ended = false;

  override get maximumBlockTimeout(): number {
    return BLOCK_SECONDS_MAX;
  }

  override async waitForJob(blockTimeout: number) {
    if (!this.#ended) await this.reconnectBlocking();
    return await super.waitForJob(blockTimeout);
  }

  override async disconnectBlocking(wait?: boolean): Promise<void> {
    this.#ended = true;
    await super.disconnectBlocking(wait);
  }
}
