import { parseArgs } from "node:util";

export interface BenchRequest {
  /** Names of cells; empty: all. */
  readonly cells: readonly string[];
  /** Null: as many as each cell finds right. */
  readonly rounds: number | null;
  readonly json: boolean;
  readonly help: boolean;
}

const ROUNDS_MAX = 100;

/** Throws with a sentence for whoever typed it. */
export function parseArguments(args: readonly string[], known: readonly string[]): BenchRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: true,
    options: { rounds: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`there is no cell ${JSON.stringify(unknown)}; there are ${known.join(", ")}`);
  return {
    cells: positionals,
    rounds: values.rounds === undefined ? null : readRounds(values.rounds),
    json: values.json === true,
    help: values.help === true,
  };
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (/^\d+$/.test(text) && rounds >= 1 && rounds <= ROUNDS_MAX) return rounds;
  throw new Error(`--rounds needs a whole number from 1 to ${ROUNDS_MAX}, not ${JSON.stringify(text)}`);
}

export function helpText(cells: readonly { readonly name: string; readonly question: string }[]): string {
  return [
    "Usage: scripts/bench [--rounds N] [--json] [cell …]",
    "",
    "Measures this checkout on this machine and says whether the targets are met. Exit code 0: all met, 1: not.",
    "",
    ...cells.map((cell) => `  ${cell.name.padEnd(12)} ${cell.question}`),
    "",
  ].join("\n");
}
