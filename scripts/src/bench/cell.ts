import type { Workshop } from "./workshop.ts";

/** One thing that is measured, several times. The verdict is taken over the median. */
export interface Measurement {
  readonly name: string;
  /** One value per round. */
  readonly valuesMs: readonly number[];
  readonly targetMsMax: number;
  /** What a value is made of, for a person: medians of its parts. */
  readonly parts?: Readonly<Record<string, number>>;
}

/** A cell stands alone: it brings what it needs into the workshop and measures one question. */
export interface Cell {
  readonly name: string;
  /** What is measured, from which moment to which. */
  readonly question: string;
  measure(workshop: Workshop): Promise<readonly Measurement[]>;
}
