import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import type { AnsweredCall } from "../proxy/history.ts";
import type { FleetProcess } from "../stage/list-processes.ts";
import type { Effect } from "../workload/ledger.ts";
import type { Acknowledged } from "../workload/start-workload.ts";
import { findChangedEnds, findDoubledEnds, type SeenEnd } from "./find-doubled.ts";
import { findLeaseViolations } from "./find-lease-violations.ts";
import { findLost } from "./find-lost.ts";
import { findOrphans } from "./find-orphans.ts";
import { findEffectsAfterEnds, findOverlaps, type OverlapScope } from "./find-overlaps.ts";
import { findUndelivered } from "./find-undelivered.ts";
import type { Finding } from "./finding.ts";
import type { Facts } from "./load-facts.ts";
import { measureStandstillMs } from "./measure-standstill.ts";

/** All that is known of a round once it is at rest. */
export interface Evidence {
  readonly facts: Facts;
  readonly effects: readonly Effect[];
  readonly calls: readonly AnsweredCall[];
  readonly ends: readonly SeenEnd[];
  readonly acknowledged: Acknowledged;
  readonly processes: readonly FleetProcess[];
  readonly leftForks: readonly number[];
  readonly overlaps: OverlapScope;
  readonly faultBeganMs: number;
}

export function auditRound(evidence: Evidence): { readonly findings: Finding[]; readonly standstillMs: number } {
  const { facts, effects, calls } = evidence;
  const runnersServe = evidence.processes.some(({ kind }) => kind === "runner");
  const findings = [
    ...findLost(facts, evidence.acknowledged, runnersServe),
    ...findDoubledEnds(facts, calls),
    ...findChangedEnds(facts, evidence.ends),
    ...findUndelivered(facts),
    ...findOverlaps(facts, effects, evidence.overlaps),
    ...findEffectsAfterEnds(facts, effects, calls, evidence.overlaps),
    ...findOrphans(facts, evidence.processes, evidence.leftForks),
    ...findLeaseViolations(facts, calls, DEFAULT_LIMITS.deliveriesMax),
  ];
  return { findings, standstillMs: measureStandstillMs(facts, effects, evidence.faultBeganMs) };
}
