import type { AgentEvent, AgentSignal, OutputReader, Reading } from "@parallax/shared/executor/adapter";
import { type FittedEvent, fitToText } from "../spool/fit-event.ts";
import type { ReaderAnswer, ReaderRequest, StreamName } from "./reader-protocol.ts";
import { createLineSplitter } from "./split-lines.ts";

/** Longest line that a reader gets whole. A tool's result with a picture in it is one line of several megabytes. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;

/** The thread's side: bytes in, events of the log out. */
export interface ReaderSession {
  answer(request: ReaderRequest): ReaderAnswer;
}

export function createReaderSession(reader: OutputReader, eventBytesMax: number): ReaderSession {
  const splitters = { stdout: createLineSplitter(LINE_BYTES_MAX), stderr: createLineSplitter(LINE_BYTES_MAX) };
  const readLine = {
    stdout: (line: string) => reader.stdoutLine(line),
    stderr: (line: string) => reader.stderrLine(line),
  };
  let events: FittedEvent[] = [];
  let signals: AgentSignal[] = [];
  let errors: string[] = [];

  const add = (event: AgentEvent): void => {
    events.push(...fitToText(event, eventBytesMax));
  };
  const addReading = (reading: Reading): void => {
    for (const event of reading.events) add(event);
    signals.push(...reading.signals);
  };
  const takeLines = (stream: StreamName, lines: ReturnType<(typeof splitters)[StreamName]["push"]>): void => {
    for (const { text, whole } of lines) {
      if (!whole) {
        add({ type: "output", data: { stream, text, part_of_long_line: true } });
        continue;
      }
      try {
        addReading(readLine[stream](text));
      } catch (error) {
        // A reader promises not to throw; if one does, the line is still output and the run goes on.
        errors.push(String(error));
        add({ type: "output", data: { stream, text } });
      }
    }
  };

  return {
    answer: (request) => {
      let ending: ReaderAnswer["ending"] = null;
      if (request.kind === "chunk") takeLines(request.stream, splitters[request.stream].push(asBuffer(request.bytes)));
      else if (request.kind === "end") takeLines(request.stream, splitters[request.stream].end());
      else {
        const finished = reader.finish(request.exit, { stopRequested: request.stopRequested });
        for (const event of finished.events) add(event);
        ending = finished.ending;
      }
      const answer = { events, signals, errors, ending };
      events = [];
      signals = [];
      errors = [];
      return answer;
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
