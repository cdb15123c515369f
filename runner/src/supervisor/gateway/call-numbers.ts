import { readFileSync, writeFileSync } from "node:fs";

/** Reserved on disk at a time, so that most calls cost no write. */
const BLOCK = 256;

/**
 * Numbers the agent's calls. A number names one call for ever, also to a supervisor that is started again over the same
 * attempt: the end of the block in use is on disk before its first number is given out.
 */
export function createCallNumbers(path: string): () => number {
  let next = readReserved(path) + 1;
  let reserved = next - 1;
  return () => {
    if (next > reserved) {
      reserved = next + BLOCK - 1;
      writeFileSync(path, String(reserved), { mode: 0o600, flush: true });
    }
    next += 1;
    return next - 1;
  };
}

function readReserved(path: string): number {
  try {
    const value = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch {
    return 0;
  }
}
