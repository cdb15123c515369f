/**
 * The fleet's times, made small enough that a round takes a minute and large enough for two busy processors. The order of the defaults
 * is kept: heartbeat < suspect < freeze < lease. Between freeze and lease lies what does not scale: a runner needs up to seven seconds
 * to end a supervisor that hangs, and in production it has thirty.
 */
export const SCALED = {
  heartbeatIntervalMs: 1_000,
  suspectAfterMs: 3_000,
  freezeAfterMs: 4_000,
  leaseTtlMs: 15_000,
  offerTtlMs: 5_000,
  preparingMsMax: 60_000,
  expirySweepMs: 1_000,
  inboxSweepMs: 5_000,
  outageGapMs: 4_000,
  stopUnansweredMs: 8_000,
  runnerStaleMs: 10_000,
  pollHoldMs: 5_000,
} as const;

/** The supervisors' own clocks; frozen fifteen times as long as it takes to freeze, as in production. */
export const SCALED_SUPERVISOR = {
  frozenKillAfterMs: 60_000,
  stopInterruptGraceMs: 1_000,
  stopTermGraceMs: 1_000,
  resultGraceMs: 3_000,
} as const;

export type ScaledLimits = { readonly [Name in keyof typeof SCALED]: number };

export function limitVariables(limits: Partial<ScaledLimits> = {}): Record<string, string> {
  const all = Object.entries({ ...SCALED, ...limits });
  return Object.fromEntries(all.map(([name, value]) => [`PARALLAX_LIMIT_${constantCase(name)}`, String(value)]));
}

function constantCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
