import { Worker } from "node:worker_threads";
import { ParallaxError } from "@parallax/shared/errors";
import type { ReaderAnswer, ReaderRequest, ReaderSetup } from "./reader-protocol.ts";

/** The supervisor's side of the thread that reads the agent's output. */
export interface AgentReader {
  /** Rejects when the thread has ended, by itself or by `close`. */
  ask(request: ReaderRequest): Promise<ReaderAnswer>;
  /** Aborted when the thread ended by itself: nobody understands the agent any more. */
  readonly failed: AbortSignal;
  /** Ends it at once, whatever it is doing. */
  close(): Promise<void>;
}

/** A line has at most 8 MiB; parsed and written again it must not take the host's memory. */
const HEAP_MEGABYTES_MAX = 256;
const YOUNG_MEGABYTES_MAX = 2;

export function openReader(setup: ReaderSetup): AgentReader {
  const failing = new AbortController();
  const waiting: PromiseWithResolvers<ReaderAnswer>[] = [];
  let ended: ParallaxError | null = null;
  let closing = false;
  const end = (reason: string): void => {
    ended ??= new ParallaxError("executor_failed", `the agent's output can no longer be read: ${reason}`);
    for (const one of waiting.splice(0)) one.reject(ended);
  };
  const worker = new Worker(new URL("./reader-thread.ts", import.meta.url), {
    workerData: setup,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES_MAX, maxYoungGenerationSizeMb: YOUNG_MEGABYTES_MAX },
  });
  worker.on("message", (answer: ReaderAnswer) => waiting.shift()?.resolve(answer));
  worker.on("messageerror", (error) => end(error.message));
  worker.on("error", (error: unknown) => end(error instanceof Error ? error.message : String(error)));
  worker.on("exit", () => {
    end("its reader ended");
    if (!closing) failing.abort();
  });
  return {
    ask: (request) => {
      if (ended !== null) return Promise.reject(ended);
      const answer = Promise.withResolvers<ReaderAnswer>();
      waiting.push(answer);
      worker.postMessage(request, request.kind === "chunk" ? [request.bytes.buffer as ArrayBuffer] : []);
      return answer.promise;
    },
    failed: failing.signal,
    close: async () => {
      closing = true;
      end("its reader was ended");
      await worker.terminate();
    },
  };
}
