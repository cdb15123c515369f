import type { Facts } from "./audit/load-facts.ts";
import type { Random } from "./random.ts";
import type { ScaledLimits } from "./scaled-limits.ts";
import type { Stage } from "./stage/open-stage.ts";
import type { Effect } from "./workload/ledger.ts";
import type { WorkloadShape } from "./workload/shape.ts";
import type { Workload } from "./workload/start-workload.ts";

/** What a fault has at hand while it does its work. */
export interface Round {
  readonly seed: number;
  readonly random: Random;
  readonly stage: Stage;
  readonly workload: Workload;
  /**
   * Attempts (run-attempt) that the fault cut off together with everybody who could have stopped them: what they do after a newer claim is
   * counted apart, because no software on that machine was scheduled to keep it from happening.
   */
  readonly frozenAttempts: Set<string>;
  /** Aborted when the whole chaos run is interrupted. */
  readonly signal: AbortSignal;
  /** For the person who reads along, and for the report of a round that failed. */
  note(text: string): void;
  sleep(ms: number): Promise<void>;
  /** Resolves when the condition holds; throws with `what` when it does not within the time. */
  until(what: string, condition: () => Promise<boolean> | boolean, timeoutMs?: number): Promise<void>;
  /** Resolves when at least so many agents have written to the ledger. */
  working(agents: number): Promise<void>;
  facts(): Promise<Facts>;
  effects(): Promise<Effect[]>;
}

/** What a variant needs to be different from the ordinary round. */
export interface Setting {
  readonly limits?: Partial<ScaledLimits>;
  readonly workload?: Partial<WorkloadShape>;
  /** Names of the ordinary hosts; a variant that brings hosts of its own may have none. Default a and b. */
  readonly hosts?: readonly string[];
  /** Called before the workload begins. */
  readonly prepare?: (stage: Stage, random: Random) => Promise<void>;
  /** How long everything may take to come to rest after the fault. */
  readonly restWithinMs?: number;
  /** False when agents' clocks are moved. */
  readonly clocksAgree?: boolean;
}

export interface Variant {
  readonly name: string;
  readonly setting?: Setting;
  /** Why it cannot be played on this machine, or null. */
  missing?(): Promise<string | null>;
  /** Plays the fault, from its beginning to its end; everything is whole again when this resolves. */
  inject(round: Round): Promise<void>;
  /** What this variant alone promises, judged when everything is at rest: sentences about what was not kept. */
  judge?(round: Round, facts: Facts): Promise<string[]> | string[];
}

/** One of the failure modes that fleets are known for. Its seeds are dealt out to its variants in turn. */
export interface Fault {
  readonly id: string;
  readonly title: string;
  readonly variants: readonly Variant[];
}
