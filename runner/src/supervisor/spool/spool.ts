/**
 * Every frame is on disk before it is on the network: a coordinator that is away for an hour costs disk, not memory and not
 * output. One file, append-only, one JSON line a frame; its bytes are what the log's hash is taken over.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import type { Clock } from "@parallax/shared/clock";
import type { AgentEvent } from "@parallax/shared/executor/adapter";
import type { EventType } from "@parallax/shared/protocol/events";
import { type FittedEvent, fitToText } from "./fit-event.ts";
import { isDiskFull } from "./reserve.ts";

export interface SpoolLimits {
  readonly eventBytesMax: number;
  readonly outputBytesMax: number;
}

export interface SpoolSeal {
  readonly lastFrame: number;
  readonly logBytes: number;
  readonly logSha256: string;
}

export interface Spool {
  append(event: AgentEvent): void;
  /** For events that were made fit elsewhere, with `eventBytesMax` of this log. */
  appendFitted(events: readonly FittedEvent[]): void;
  /** Resolves when little is waiting for the disk; writers await it, so a slow disk slows the agent. */
  roomy(): Promise<void>;
  /** The next lines to send, oldest first; they stay next until `acknowledge` moves past them. */
  read(countMax: number, bytesMax: number): Promise<FrameLines>;
  /** The coordinator has everything before `nextFrame`; a smaller number than before rewinds. */
  acknowledge(nextFrame: number): Promise<void>;
  /** Ends the log. Nothing is appended afterwards. */
  seal(): Promise<SpoolSeal>;
  readonly allAcknowledged: boolean;
  close(): Promise<void>;
}

export interface FrameLines {
  readonly lines: readonly string[];
  readonly firstFrame: number;
}

/** Kept beyond the cap: few and small, and without them the run's end could not be understood. */
const KEPT_BEYOND_CAP: ReadonlySet<EventType> = new Set([
  "session_bound",
  "result",
  "error",
  "usage",
  "limit",
  "request_opened",
  "request_resolved",
]);
const BEYOND_CAP_BYTES_MAX = 4 * 1024 * 1024;
const LAST_WORDS_BYTES_MAX = 64 * 1024;
const WAITING_BYTES_MAX = 1024 * 1024;
const WRITE_RETRY_MS = 1_000;

export interface SpoolDeps {
  readonly clock: Clock;
  /** Called when frames are readable. */
  readonly onAppend: () => void;
  /** The disk refuses; called once per failed write, which is repeated. */
  readonly onDiskError: (error: unknown) => void;
  /** There is no room: what was not written yet is dropped and counted, and from now on only what tells of the end is kept. */
  readonly onDiskFull: () => Promise<void>;
}

export async function openSpool(path: string, limits: SpoolLimits, deps: SpoolDeps): Promise<Spool> {
  return new FileSpool(await open(path, "a+", 0o600), limits, deps);
}

class FileSpool implements Spool {
  readonly #file: FileHandle;
  readonly #limits: SpoolLimits;
  readonly #deps: SpoolDeps;
  readonly #hash = createHash("sha256");
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #appendedBytes = 0;
  #lastFrame = 0;
  /** What is whole on the disk; the hash is that of these bytes. */
  #writtenBytes = 0;
  #writtenFrames = 0;
  #full = false;
  #writing: Promise<void> | null = null;
  /** First frame that is not acknowledged, and where its line begins. */
  #cursor = { frame: 1, offset: 0 };
  #dropped = { events: 0, bytes: 0 };
  #sealed = false;

  constructor(file: FileHandle, limits: SpoolLimits, deps: SpoolDeps) {
    this.#file = file;
    this.#limits = limits;
    this.#deps = deps;
  }

  append(event: AgentEvent): void {
    this.appendFitted(fitToText(event, this.#limits.eventBytesMax));
  }

  appendFitted(events: readonly FittedEvent[]): void {
    if (this.#sealed) return;
    for (const event of events) this.#appendOne(event);
  }

  #appendOne(event: FittedEvent): void {
    const line = this.#makeLine(event);
    const total = this.#appendedBytes + line.length;
    const fits = this.#dropped.events === 0 && !this.#full && total <= this.#limits.outputBytesMax;
    const kept = this.#full
      ? event.type === "error" && line.length <= LAST_WORDS_BYTES_MAX
      : KEPT_BEYOND_CAP.has(event.type) && total <= this.#limits.outputBytesMax + BEYOND_CAP_BYTES_MAX;
    if (fits || kept) {
      this.#push(line);
      return;
    }
    if (this.#dropped.events === 0 && !this.#full) {
      const data = JSON.stringify({ limit_bytes: this.#limits.outputBytesMax });
      this.#push(this.#makeLine({ type: "output_truncated", data }));
    }
    this.#dropped = { events: this.#dropped.events + 1, bytes: this.#dropped.bytes + line.length };
  }

  /** The spelling that the coordinator hashes too: fixed order of keys, `data` as it survives being read and written. */
  #makeLine(event: FittedEvent): Buffer {
    const at = new Date(this.#deps.clock.now()).toISOString();
    const head = `"frame":${this.#lastFrame + 1},"type":${JSON.stringify(event.type)},"at":${JSON.stringify(at)}`;
    return Buffer.from(`{${head},"data":${event.data}}\n`);
  }

  #push(line: Buffer): void {
    this.#lastFrame += 1;
    this.#appendedBytes += line.length;
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      const bytes = Buffer.concat(lines);
      if (!(await this.#writeWhole(bytes))) {
        await this.#dropUnwritten([...lines, ...this.#waiting]);
        continue;
      }
      this.#hash.update(bytes);
      this.#writtenBytes += bytes.length;
      this.#writtenFrames += lines.length;
      this.#waitingBytes -= bytes.length;
      this.#deps.onAppend();
    }
    this.#writing = null;
  }

  /** False when there is no room for all of it; then nothing of it stays. */
  async #writeWhole(bytes: Buffer): Promise<boolean> {
    for (let written = 0; written < bytes.length; ) {
      try {
        // Appending: the position is the file's end.
        written += (await this.#file.write(bytes, written, bytes.length - written)).bytesWritten;
      } catch (error) {
        this.#deps.onDiskError(error);
        if (isDiskFull(error)) {
          await this.#file.truncate(this.#writtenBytes);
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, WRITE_RETRY_MS));
      }
    }
    return true;
  }

  /** As if they had never been appended, but counted: the numbers of the frames have no gap. */
  async #dropUnwritten(lines: readonly Buffer[]): Promise<void> {
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    this.#dropped = { events: this.#dropped.events + lines.length, bytes: this.#dropped.bytes + bytes };
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#lastFrame = this.#writtenFrames;
    this.#appendedBytes = this.#writtenBytes;
    if (this.#full) return;
    this.#full = true;
    await this.#deps.onDiskFull();
  }

  async roomy(): Promise<void> {
    while (this.#waitingBytes > WAITING_BYTES_MAX && this.#writing !== null) await this.#writing;
  }

  async read(countMax: number, bytesMax: number): Promise<FrameLines> {
    const firstFrame = this.#cursor.frame;
    const available = Math.min(bytesMax, this.#writtenBytes - this.#cursor.offset);
    if (available <= 0 || countMax <= 0) return { lines: [], firstFrame };
    const chunk = await this.#readAt(this.#cursor.offset, available);
    // Whole lines only; the piece behind the last newline belongs to the next batch.
    const lines = chunk.toString("utf8").split("\n").slice(0, -1).slice(0, countMax);
    return { lines, firstFrame };
  }

  async acknowledge(nextFrame: number): Promise<void> {
    if (nextFrame > this.#lastFrame + 1) return;
    if (nextFrame < this.#cursor.frame) this.#cursor = { frame: 1, offset: 0 };
    while (this.#cursor.frame < nextFrame) {
      const chunk = await this.#readAt(
        this.#cursor.offset,
        Math.min(WAITING_BYTES_MAX, this.#writtenBytes - this.#cursor.offset),
      );
      let offset = 0;
      while (this.#cursor.frame < nextFrame) {
        const newline = chunk.indexOf(0x0a, offset);
        if (newline === -1) break;
        offset = newline + 1;
        this.#cursor.frame += 1;
      }
      this.#cursor.offset += offset;
      if (offset === 0) return;
    }
  }

  async #readAt(offset: number, length: number): Promise<Buffer> {
    const chunk = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#file.read(chunk, 0, length, offset);
    return chunk.subarray(0, bytesRead);
  }

  async seal(): Promise<SpoolSeal> {
    if (this.#dropped.events > 0) {
      const data = JSON.stringify({ dropped_events: this.#dropped.events, dropped_bytes: this.#dropped.bytes });
      this.#push(this.#makeLine({ type: "output_truncated", data }));
    }
    this.#sealed = true;
    await this.#writing;
    return { lastFrame: this.#lastFrame, logBytes: this.#appendedBytes, logSha256: this.#hash.digest("hex") };
  }

  get allAcknowledged(): boolean {
    return this.#cursor.frame > this.#lastFrame;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}
