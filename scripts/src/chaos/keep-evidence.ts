import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RoundResult } from "./play-round.ts";

/** Writes down what a round's findings rest on, for whoever looks for the cause. */
export async function keepEvidence(directory: string, result: RoundResult): Promise<void> {
  const { fault, seed, variant, findings, notes, evidence } = result;
  if (evidence === null) return;
  const { logs, ...rows } = evidence;
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${fault}-seed-${seed}`);
  await writeFile(`${path}.json`, JSON.stringify({ fault, seed, variant, findings, notes, ...rows }, null, 1));
  await writeFile(`${path}.log`, logs);
}
