import assert from "node:assert/strict";
import type fc from "fast-check";
import type { Real } from "./real.ts";
import type { World } from "./world.ts";

/** The model and the real thing, side by side. */
export interface Bench {
  readonly world: World;
  readonly real: Real;
  readonly counts: Map<string, number>;
}

/** One thing that happens to a fleet: done to the real one, and said of the model. */
export interface Step<G> {
  readonly name: string;
  readonly weight: number;
  readonly given: fc.Arbitrary<G>;
  take(bench: Bench, given: G): Promise<void>;
}

/** Small numbers choose what is young, so that what was begun is gone on with. */
export function choose<T>(list: readonly T[], n: number): T | undefined {
  return list.length === 0 ? undefined : list[list.length - 1 - (n % list.length)];
}

export const chooseOf = <T>(list: readonly T[], n: number, fits: (one: T) => boolean): T | undefined =>
  choose(list.filter(fits), n);

export function expectSame(actual: unknown, expected: unknown, what: string): void {
  assert.deepEqual(actual, expected, what);
}

export function count(bench: Bench, what: string): void {
  bench.counts.set(what, (bench.counts.get(what) ?? 0) + 1);
}
