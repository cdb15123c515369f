/**
 * lost              accepted, and neither ended nor visibly waiting for something that is true
 * doubled           an end accepted twice, or a report or message that reached its receiver twice
 * undelivered       a report or message that counts as consumed and did not reach its receiver, or a duty that was not paid
 * overlap           an effect of an attempt after a newer one was claimed
 * frozen_overlap    the same, where nobody who could have stopped it was scheduled: bounded and reported, not promised
 * orphan            a process of an attempt that is over
 * lease             two writers, an accepted write of an old attempt, an attempt or lease that went the wrong way
 * promise           what this fault alone promises was not kept
 */
const FINDING_KINDS = [
  "lost",
  "doubled",
  "undelivered",
  "overlap",
  "frozen_overlap",
  "orphan",
  "lease",
  "promise",
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
}
