import type { LiveAttempt } from "../attempts/live-attempts.ts";

/** A longer gap between two looks means that this process was not scheduled either; then nobody else is blamed for silence, once. */
const LOOK_GAP_MS_MAX = 3_000;
/** Looks in a row for which a supervisor must be silent beyond its time. */
const OVERDUE_LOOKS = 5;
/** And when its lease is about to end: a healthy one says something every two seconds. */
const HURRIED_LOOKS = 3;
const HURRY_BEFORE_EXPIRY_MS = 10_000;
const FIRST_WORD_WITHIN_MS = 10_000;

type Watched = Pick<LiveAttempt, "link" | "linkedAtMs" | "heard">;

interface Silence {
  readonly looks: number;
  readonly forgiven: boolean;
}

/**
 * Which supervisors hang. A look costs them nothing as long as they spoke after the moment from which their tree had to be frozen. With
 * the usual numbers: 60 s after the send of the last renewal the tree has to be frozen, some 6 s later a silent supervisor is ended,
 * and from 90 s after that renewal's arrival on somebody else may start the work.
 */
export class SilenceJudge<T extends Watched> {
  readonly #silences = new Map<T, Silence>();
  #lookedMs: number;

  constructor(nowMs: number) {
    this.#lookedMs = nowMs;
  }

  /** One look at all of them; returns those that are to be ended. */
  look(attempts: readonly T[], nowMs: number): T[] {
    const afterGap = nowMs - this.#lookedMs > LOOK_GAP_MS_MAX;
    this.#lookedMs = nowMs;
    for (const known of this.#silences.keys()) if (!attempts.includes(known)) this.#silences.delete(known);
    return attempts.filter((attempt) => this.#isHanging(attempt, nowMs, afterGap));
  }

  #isHanging(attempt: T, nowMs: number, afterGap: boolean): boolean {
    if (!isOverdue(attempt, nowMs)) {
      this.#silences.delete(attempt);
      return false;
    }
    const before = this.#silences.get(attempt) ?? { looks: 0, forgiven: false };
    // What it said while this process stood still is read before the next look. A runner that stands still again and again must not
    // forgive for ever.
    const forgiving = afterGap && !before.forgiven;
    const looks = forgiving ? 1 : before.looks + 1;
    this.#silences.set(attempt, { looks, forgiven: before.forgiven || forgiving });
    return looks >= (isHurried(attempt, nowMs) ? HURRIED_LOOKS : OVERDUE_LOOKS);
  }
}

/** It has said nothing since the moment at which its tree had to be frozen, or nothing at all since it was connected to. */
function isOverdue({ link, linkedAtMs, heard }: Watched, nowMs: number): boolean {
  if (link === null) return false;
  if (heard === null) return nowMs - linkedAtMs > FIRST_WORD_WITHIN_MS;
  const { lease, tree } = heard.status;
  if (lease === null || tree === "gone") return false;
  const frozenFromMs = heard.atMs - lease.renewedAgoMs + lease.freezeAfterMs;
  return nowMs > frozenFromMs && heard.atMs < frozenFromMs;
}

function isHurried({ heard }: Watched, nowMs: number): boolean {
  const lease = heard?.status.lease ?? null;
  if (heard === null || lease === null) return false;
  return nowMs > heard.atMs - lease.renewedAgoMs + lease.ttlMs - HURRY_BEFORE_EXPIRY_MS;
}
