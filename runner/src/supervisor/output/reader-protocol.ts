/** What the supervisor and its reader thread say to each other. One answer to each request, in order. */
import type { AgentSignal, Ending, Invocation, ProcessExit } from "@parallax/shared/executor/adapter";
import type { FittedEvent } from "../spool/fit-event.ts";

export interface ReaderSetup {
  readonly executor: string;
  readonly invocation: Invocation;
  readonly eventBytesMax: number;
}

export type StreamName = "stdout" | "stderr";

export type ReaderRequest =
  | { readonly kind: "chunk"; readonly stream: StreamName; readonly bytes: Uint8Array }
  /** The stream has ended: what is held of an unfinished line counts. */
  | { readonly kind: "end"; readonly stream: StreamName }
  | { readonly kind: "finish"; readonly exit: ProcessExit; readonly stopRequested: boolean };

export interface ReaderAnswer {
  readonly events: readonly FittedEvent[];
  readonly signals: readonly AgentSignal[];
  /** Of the adapter's reader, which promises to throw none. */
  readonly errors: readonly string[];
  /** The answer to `finish`. */
  readonly ending: Ending | null;
}
