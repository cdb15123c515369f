import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../repository.ts";
import type { Cell } from "../cell.ts";
import { measureStart } from "../start-up.ts";
import type { Workshop } from "../workshop.ts";

const ROUNDS = 5;
const TARGET_MS_MAX = 5_000;

/** Packages are installed. Fresh: the database is made in it, binaries and all. Warm: everything is there from the round before. */
export const startCell: Cell = {
  name: "start",
  question: "`scripts/up` after the install, until GET /health answers 200: fresh and warm data directory",
  measure: async (workshop) => {
    const rounds = workshop.rounds ?? ROUNDS;
    const fresh: number[] = [];
    const warm: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const place = workshop.makeFolder(`start-${round}`);
      fresh.push(await startIn(workshop, place, `fresh data directory, round ${round} of ${rounds}`));
      warm.push(await startIn(workshop, place, `the same again, round ${round} of ${rounds}`));
      rmSync(place, { recursive: true, force: true });
    }
    return [
      { name: "up to healthy, fresh data directory", valuesMs: fresh, targetMsMax: TARGET_MS_MAX },
      { name: "up to healthy, warm data directory", valuesMs: warm, targetMsMax: TARGET_MS_MAX },
    ];
  },
};

async function startIn(workshop: Workshop, place: string, what: string): Promise<number> {
  workshop.say(`start: ${what}`);
  return await measureStart(workshop, {
    checkout: ROOT,
    dataDir: join(place, "data"),
    systemDir: join(place, "system"),
  });
}
