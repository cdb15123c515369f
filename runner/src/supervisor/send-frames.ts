import type { Clock } from "@parallax/shared/clock";
import type { LeaseAnswer } from "@parallax/shared/protocol/attempts";
import { createBackoff, pause } from "../http/backoff.ts";
import type { CallResult, Refusal } from "../http/classify-answer.ts";
import type { AttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { readLeaseAnswer, readNextFrame } from "./lease-answer.ts";
import { type Moment, takeMoment } from "./lease-keeper.ts";
import type { FrameLines, Spool } from "./spool/spool.ts";
import { goneWithin } from "./stop-agent.ts";
import type { WakeUp } from "./wake-up.ts";

export interface FrameSenderDeps {
  readonly clock: Clock;
  readonly log: AttemptLog;
  readonly client: AttemptClient;
  readonly spool: Spool;
  readonly incarnation: string;
  readonly wakeUp: WakeUp;
  renewEveryMs(): number;
  /** Directives that were obeyed and not yet told; `told` is called when they were. */
  readonly acknowledgements: { pending(): readonly number[]; told(seqs: readonly number[]): void };
  onAnswer(sentAt: Moment, answer: LeaseAnswer): void;
  onOver(code: string, message: string): void;
  readonly limits: { readonly frameBatchCountMax: number; readonly frameBatchBytesMax: number };
}

/** Between two batches while output flows: readers see it at once, the coordinator not every line on its own. */
const SEND_GAP_MS = 100;
const BAD_BODY_STATUSES: ReadonlySet<number> = new Set([400, 413, 422]);

type SendOutcome = { readonly kind: "sent" | "over" } | { readonly kind: "again"; readonly afterMs: number | null };
const AGAIN: SendOutcome = { kind: "again", afterMs: null };

/** Sends the log in batches, each of which renews the lease; with nothing to send, an empty one in time. */
export class FrameSender {
  readonly #deps: FrameSenderDeps;
  #countMax: number;
  #finishing = false;
  #renewalDue = false;
  /** A frame that nobody will ever take blocks the log; it must not end the lease. */
  #stuck = false;
  #onFlushed: (() => void) | null = null;

  constructor(deps: FrameSenderDeps) {
    this.#deps = deps;
    this.#countMax = deps.limits.frameBatchCountMax;
  }

  /** Runs until `signal` is aborted, the attempt is over, or everything was sent after `finish`. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, spool, acknowledgements, wakeUp, limits } = this.#deps;
    const backoff = createBackoff({ firstMs: 250, maxMs: 5_000 });
    let lastSentMs = clock.monotonic();
    while (!signal.aborted) {
      const batch = await spool.read(this.#stuck ? 0 : this.#countMax, limits.frameBatchBytesMax);
      const empty = batch.lines.length === 0;
      if (this.#finishing && empty) return;
      const dueInMs = this.#renewalDue ? 0 : lastSentMs + this.#deps.renewEveryMs() - clock.monotonic();
      if (empty && acknowledgements.pending().length === 0 && dueInMs > 0) {
        await wakeUp.sleep(dueInMs, signal);
        continue;
      }
      lastSentMs = clock.monotonic();
      this.#renewalDue = false;
      const outcome = await this.#send(batch, signal);
      if (outcome.kind === "over") return;
      if (outcome.kind === "again") {
        this.#renewalDue = true;
        await pause(outcome.afterMs ?? backoff.nextMs(), signal);
      } else {
        backoff.reset();
        if (batch.lines.length < this.#countMax && !this.#finishing) await pause(SEND_GAP_MS, signal);
      }
    }
  }

  /** Renews at once: the clock says that nobody knows whether the attempt is still ours. */
  renewNow(): void {
    this.#renewalDue = true;
    this.#deps.wakeUp.wake();
  }

  /** From now on only what is left of the log is sent; nothing is renewed. */
  finish(): void {
    this.#finishing = true;
    this.#deps.wakeUp.wake();
  }

  /** Resolves when the coordinator has every frame appended so far, or after `ms`. */
  async flushed(ms: number): Promise<void> {
    if (this.#deps.spool.allAcknowledged) return;
    const done = new Promise<void>((resolve) => {
      this.#onFlushed = resolve;
    });
    await goneWithin(done, ms);
  }

  async #send(batch: FrameLines, signal: AbortSignal): Promise<SendOutcome> {
    const acknowledged = this.#deps.acknowledgements.pending();
    // Frames are JSON text already; they are not parsed and written again.
    const incarnation = JSON.stringify(this.#deps.incarnation);
    const frames = `"frames":[${batch.lines.join(",")}]`;
    const body = `{"incarnation":${incarnation},${frames},"acknowledged_directives":${JSON.stringify(acknowledged)}}`;
    const sentAt = takeMoment(this.#deps.clock);
    const result = await this.#deps.client.post("events", body, { signal });
    if (result.kind !== "ok") return this.#onFailure(result, batch.lines.length);
    const answer = readLeaseAnswer(result.body);
    if (answer === null) return AGAIN;
    this.#deps.acknowledgements.told(acknowledged);
    await this.#deps.spool.acknowledge(readNextFrame(result.body) ?? batch.firstFrame + batch.lines.length);
    this.#countMax = Math.min(this.#countMax * 2, this.#deps.limits.frameBatchCountMax);
    if (this.#deps.spool.allAcknowledged) this.#onFlushed?.();
    this.#deps.onAnswer(sentAt, answer);
    return { kind: "sent" };
  }

  async #onFailure(result: Exclude<CallResult, { kind: "ok" }>, count: number): Promise<SendOutcome> {
    if (result.kind === "end_attempt") {
      this.#deps.onOver(result.code, result.message);
      return { kind: "over" };
    }
    if (result.kind === "refused") {
      this.#deps.log.warn({ status: result.refusal.status, code: result.refusal.code }, "frames were refused");
      return await this.#onRefused(result.refusal, count);
    }
    return result.kind === "retry" ? { kind: "again", afterMs: result.afterMs } : AGAIN;
  }

  async #onRefused(refusal: Refusal, count: number): Promise<SendOutcome> {
    if (refusal.code === "frame_gap") {
      await this.#deps.spool.acknowledge(readNextFrame(refusal.details) ?? 1);
    } else if (BAD_BODY_STATUSES.has(refusal.status) && count > 1) {
      this.#countMax = Math.max(1, Math.floor(count / 2));
      return { kind: "again", afterMs: 0 };
    } else if (BAD_BODY_STATUSES.has(refusal.status) && count === 1) {
      this.#stuck = true;
      this.#deps.log.error({ code: refusal.code }, "a frame was refused, the rest of the log is not sent");
    }
    return AGAIN;
  }
}
