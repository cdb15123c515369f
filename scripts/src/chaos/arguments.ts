import { parseArgs } from "node:util";

export interface ChaosRequest {
  /** Ids of faults; empty: all. */
  readonly faults: readonly string[];
  /** Rounds per fault; null: one per variant. */
  readonly seeds: number | null;
  /** The first seed; the others follow it. */
  readonly seed: number;
  /** Only this variant of each fault. */
  readonly variant: string | null;
  readonly report: string | null;
  /** Where the evidence of rounds with findings is kept. */
  readonly evidence: string | null;
  readonly verbose: boolean;
  readonly help: boolean;
}

const FULL_SEEDS = 20;
const SEED_MAX = 2 ** 31;

/** Throws with a sentence for whoever typed it. */
export function parseArguments(args: readonly string[], known: readonly string[]): ChaosRequest {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      fault: { type: "string", short: "f" },
      seeds: { type: "string" },
      seed: { type: "string" },
      variant: { type: "string" },
      full: { type: "boolean" },
      report: { type: "string" },
      evidence: { type: "string" },
      verbose: { type: "boolean", short: "v" },
      help: { type: "boolean", short: "h" },
    },
  });
  const faults = (values.fault ?? "").split(",").filter((name) => name !== "");
  const unknown = faults.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new Error(`there is no fault ${JSON.stringify(unknown)}; there are ${known.join(", ")}`);
  const seeds = values.seeds === undefined ? null : readNumber("seeds", values.seeds, 1, 10_000);
  if (values.full === true && seeds !== null && seeds < FULL_SEEDS)
    throw new Error(`--full plays at least ${FULL_SEEDS} seeds of each fault, not ${seeds}`);
  return {
    faults,
    seeds: seeds ?? (values.full === true ? FULL_SEEDS : null),
    seed: values.seed === undefined ? 1 : readNumber("seed", values.seed, 0, SEED_MAX),
    variant: values.variant ?? null,
    report: values.report ?? null,
    evidence: values.evidence ?? null,
    verbose: values.verbose === true,
    help: values.help === true,
  };
}

function readNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`--${name} needs a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}

export function helpText(faults: readonly { readonly id: string; readonly title: string }[]): string {
  return [
    "Usage: scripts/chaos [--fault F1,F3] [--seeds N] [--seed S] [--variant NAME] [--full] [--report FILE] [--evidence DIR] [--verbose]",
    "",
    "Breaks real fleets in the ways in which fleets break, and audits what is left. Exit code 0: every promise was kept, 1: not.",
    "",
    "  --fault     only these; default all",
    "  --seeds     rounds per fault; default one for each variant",
    "  --seed      the first seed; a round is played again with --fault F --seed S --seeds 1",
    "  --variant   only the variants whose name begins so",
    `  --full      at least ${FULL_SEEDS} seeds of each fault`,
    "  --report    also writes what was found as Markdown",
    "  --evidence  keeps rows, ledger, calls and logs of every round in which something was found",
    "",
    ...faults.map(({ id, title }) => `  ${id.padEnd(5)} ${title}`),
    "",
  ].join("\n");
}
