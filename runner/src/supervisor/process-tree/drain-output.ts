import { once } from "node:events";
import type { Readable } from "node:stream";
import { PassThrough } from "node:stream";

/**
 * What an ended agent can have left unread is what fits the kernel's buffer, at most this. More than this after its end
 * was written by somebody else who holds the pipe.
 */
const TAIL_BYTES_MAX = 1_048_576;
const BUFFER_BYTES = 65_536;

/** The agent's output as its reader sees it. */
export interface DrainedOutput {
  readonly stream: Readable;
  /** The agent is gone: takes in what is left, waits at most `drainMs` for the pipe to close, and ends the stream. */
  finish(drainMs: number): Promise<void>;
}

/**
 * Stands between a pipe and its reader: while the agent lives the buffer is bounded and a slow reader slows the agent
 * down (one that goes away does not, its bytes are dropped); once it has ended, the rest is taken in whole, so that
 * neither a slow reader nor a stranger who holds the pipe delays the end or cuts what was written before it. (Node lets
 * a child's own pipes flow when it exits, reader or not; with this in between nothing is lost by that.)
 */
export function drainOutput(pipe: Readable): DrainedOutput {
  const stream = new PassThrough({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
  let finishing = false;
  let tailBytes = 0;
  pipe.on("data", (chunk: Buffer) => {
    if (stream.destroyed) return;
    const roomLeft = stream.write(chunk);
    if (finishing) {
      tailBytes += chunk.length;
      if (tailBytes > TAIL_BYTES_MAX) pipe.destroy();
    } else if (!roomLeft) {
      pipe.pause();
    }
  });
  stream.on("drain", () => pipe.resume());
  stream.on("close", () => pipe.resume());
  stream.on("error", () => undefined);
  pipe.on("error", () => undefined);
  pipe.once("close", () => stream.end());
  return {
    stream,
    async finish(drainMs) {
      finishing = true;
      pipe.resume();
      const timer = setTimeout(() => pipe.destroy(), drainMs);
      if (!pipe.closed) await once(pipe, "close");
      clearTimeout(timer);
    },
  };
}
