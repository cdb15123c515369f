import type { Readable } from "node:stream";
import type { AgentSignal, Reading } from "@parallax/shared/executor/adapter";
import type { Spool } from "../spool/spool.ts";
import { createLineSplitter } from "./split-lines.ts";

export interface PumpDeps {
  readonly spool: Spool;
  /** Before anything is made of a chunk: the machine may have slept since the last one. */
  onChunk(): void;
  onSignal(signal: AgentSignal): void;
  onReaderError(error: unknown): void;
}

/** Longest line that a reader gets whole. A tool's result with a picture in it is one line of several megabytes. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

/** Reads one stream of the agent to its end. A full spool stops the reading, and thereby the agent. */
export async function pumpOutput(
  stream: Readable,
  name: "stdout" | "stderr",
  readLine: (line: string) => Reading,
  deps: PumpDeps,
): Promise<void> {
  const splitter = createLineSplitter(LINE_BYTES_MAX);
  const take = (lines: ReturnType<typeof splitter.push>): void => {
    for (const line of lines) {
      if (line.whole) takeReading(tryRead(readLine, line.text, name, deps), deps);
      else deps.spool.append({ type: "output", data: { stream: name, text: line.text, part_of_long_line: true } });
    }
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      deps.onChunk();
      take(splitter.push(chunk));
      await deps.spool.roomy();
    }
  } catch {
    // A destroyed stream has said all it will say.
  }
  take(splitter.end());
}

function takeReading(reading: Reading, deps: PumpDeps): void {
  for (const event of reading.events) deps.spool.append(event);
  for (const signal of reading.signals) deps.onSignal(signal);
}

/** A reader promises not to throw; if one does, the line is still output and the run goes on. */
function tryRead(readLine: (line: string) => Reading, line: string, stream: string, deps: PumpDeps): Reading {
  try {
    return readLine(line);
  } catch (error) {
    deps.onReaderError(error);
    return { events: [{ type: "output", data: { stream, text: line } }], signals: [] };
  }
}
