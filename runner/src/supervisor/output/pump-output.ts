import type { Readable } from "node:stream";
import { isParallaxError } from "@parallax/shared/errors";
import type { AgentSignal } from "@parallax/shared/executor/adapter";
import type { Spool } from "../spool/spool.ts";
import type { AgentReader } from "./open-reader.ts";
import type { ReaderAnswer, StreamName } from "./reader-protocol.ts";

export interface PumpDeps {
  readonly spool: Spool;
  readonly reader: AgentReader;
  /** Before anything is made of a chunk: the machine may have slept since the last one. */
  onChunk(): void;
  onSignal(signal: AgentSignal): void;
  onReaderError(error: string): void;
}

/**
 * Takes one stream of the agent to its reader, to the stream's end. One chunk is under way at a time: a slow reader or a full spool
 * stops the reading, and thereby the agent. Rejects when the reader has failed.
 */
export async function pumpOutput(stream: Readable, name: StreamName, deps: PumpDeps): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      deps.onChunk();
      // A copy of its own, which is handed over and not copied again.
      takeAnswer(await deps.reader.ask({ kind: "chunk", stream: name, bytes: new Uint8Array(chunk) }), deps);
      await deps.spool.roomy();
    }
  } catch (error) {
    // A destroyed stream has said all it will say; a reader that is gone is another matter.
    if (isParallaxError(error)) throw error;
  }
  takeAnswer(await deps.reader.ask({ kind: "end", stream: name }), deps);
}

export function takeAnswer(answer: ReaderAnswer, deps: Omit<PumpDeps, "onChunk">): void {
  for (const error of answer.errors) deps.onReaderError(error);
  deps.spool.appendFitted(answer.events);
  for (const signal of answer.signals) deps.onSignal(signal);
}
