import type { ChaosRequest } from "./arguments.ts";
import type { Fault, Variant } from "./fault.ts";
import { playRound, type RoundResult } from "./play-round.ts";

interface Skipped {
  readonly fault: string;
  readonly variant: string;
  readonly reason: string;
}

export interface PlayedFault {
  readonly fault: Fault;
  readonly results: readonly RoundResult[];
  readonly skipped: readonly Skipped[];
}

export interface Listener {
  /** A round begins. */
  begin(fault: Fault, variant: Variant, seed: number): void;
  note(text: string): void;
  result(result: RoundResult): Promise<void>;
  skipped(skipped: Skipped): void;
}

/** Deals the seeds out to the variants in turn: seed S always plays the same variant, whatever was left out on this machine. */
function variantOf(fault: Fault, seed: number): Variant {
  const variant = fault.variants[seed % fault.variants.length];
  if (variant === undefined) throw new Error(`${fault.id} has no variants`);
  return variant;
}

export async function playFault(
  fault: Fault,
  request: ChaosRequest,
  listener: Listener,
  signal: AbortSignal,
): Promise<PlayedFault> {
  const reasons = new Map<Variant, string | null>();
  const results: RoundResult[] = [];
  const skipped: Skipped[] = [];
  const count = request.seeds ?? fault.variants.length;
  for (let seed = request.seed; seed < request.seed + count; seed += 1) {
    signal.throwIfAborted();
    const variant = variantOf(fault, seed);
    if (request.variant !== null && !variant.name.startsWith(request.variant)) continue;
    if (!reasons.has(variant)) reasons.set(variant, (await variant.missing?.()) ?? null);
    const reason = reasons.get(variant) ?? null;
    if (reason !== null) {
      const skip = { fault: fault.id, variant: variant.name, reason };
      if (!skipped.some((other) => other.variant === variant.name)) listener.skipped(skip);
      skipped.push(skip);
      continue;
    }
    listener.begin(fault, variant, seed);
    const result = await playRound({ fault, variant, seed, signal, say: (text) => listener.note(text) });
    await listener.result(result);
    results.push(result);
  }
  return { fault, results, skipped };
}
