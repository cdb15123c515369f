import { readFile } from "node:fs/promises";

/** One side effect of an agent, in the order in which they happened. */
export interface Effect {
  readonly runId: string;
  readonly attempt: number;
  /** When the agent did it, by the clock of its process. */
  readonly atMs: number;
  readonly agent: string;
  /** Lines before it. */
  readonly position: number;
}

/** The file into which all agents of a round append: the kernel orders the lines, whatever their clocks say. */
export async function readLedger(path: string): Promise<Effect[]> {
  return parseLedger(await readFile(path, "utf8").catch(() => ""));
}

function parseLedger(text: string): Effect[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, position) => {
      const [runId = "", attempt, , at, agent = ""] = line.split(" ");
      const effect = { runId, attempt: Number(attempt), atMs: Number(at), agent, position };
      if (!Number.isInteger(effect.attempt) || !Number.isInteger(effect.atMs))
        throw new Error(`a line of the ledger cannot be read: ${line}`);
      return effect;
    });
}
