/**
 * Every bound of the system with its unit in its name; all of it is configuration, these are the defaults.
 * The times are judged by Postgres's clock, except where a comment says whose it is.
 */
export const DEFAULT_LIMITS = {
  /** A long poll of a runner or supervisor is answered with 204 after this. Below the 30/60 s of common proxies. */
  pollHoldMs: 25_000,
  /** An offer that is not started within this returns to pending. */
  offerTtlMs: 15_000,
  /** An offer that lapsed comes back to the same runner only after this, as long as another runner is online. */
  otherRunnerFirstMs: 10_000,
  /** Pause before a run whose offers lapse again and again is offered once more: 5 s, doubling up to this. */
  reofferPauseMsMax: 60_000,
  /** Lease of a supervised attempt, counted from each accepted renewal. */
  leaseTtlMs: 90_000,
  /** Lease of a plain HTTP runner, which has no supervisor that freezes. */
  plainLeaseTtlMs: 180_000,
  /** How long `preparing` (clone, image pull, spawn) may take before the supervisor's first hello. */
  preparingMsMax: 300_000,
  heartbeatIntervalMs: 10_000,
  /** A run without a renewal for this long is shown as suspect. */
  suspectAfterMs: 30_000,
  /** A supervisor without a renewal for this long, on its own clock from the send of the last successful one, freezes its tree. */
  freezeAfterMs: 60_000,
  /** And kills it when it was frozen for this long. */
  frozenKillAfterMs: 900_000,
  expirySweepMs: 5_000,
  inboxSweepMs: 30_000,
  /** A gap in the coordinator's own heartbeat row longer than this is an outage: leases are extended by it. */
  outageGapMs: 10_000,
  /** A stop that nobody answers is finished by the server after this. */
  stopUnansweredMs: 30_000,
  /** A runner unseen for this long is shown as offline. */
  runnerStaleMs: 60_000,
  queueTtlSeconds: 86_400,
  /** Starts of one run (attempts whose `started` was accepted). */
  deliveriesMax: 3,
  /** Claims of one run that were never started. */
  offersMax: 10,
  /** Returns of one inbox item before it is set aside. */
  itemDeliveriesMax: 5,
  treeDepthMax: 16,
  /** Children started by one run. */
  treeFanOutMax: 200,
  runsPerTreeMax: 5_000,
  lanesPerProjectMax: 1_000,
  bodyBytesMax: 8 * 1024 * 1024,
  promptBytesMax: 1024 * 1024,
  jsonDepthMax: 64,
  resultTextBytesMax: 1024 * 1024,
  /** One child's part of a callback message; the rest is read through the result call. */
  callbackResultBytesMax: 50_000,
  eventBytesMax: 256 * 1024,
  /** Kept output of one run. */
  outputBytesMax: 1024 * 1024 * 1024,
  frameBatchBytesMax: 1024 * 1024,
  frameBatchCountMax: 500,
  pageItemsMax: 500,
  pageItemsDefault: 100,
  /** Stages of a stop: the agent's own interrupt, then TERM, then KILL. The supervisor's clock. */
  stopInterruptGraceMs: 10_000,
  stopTermGraceMs: 10_000,
  /** An agent that lives on after its result is ended after this. The supervisor's clock. */
  resultGraceMs: 30_000,
  /** A synchronous child call answers `pending` when nothing in the child's subtree was claimed or running for this long. */
  syncStallMs: 30_000,
} as const;

export type Limits = { readonly [K in keyof typeof DEFAULT_LIMITS]: number };
