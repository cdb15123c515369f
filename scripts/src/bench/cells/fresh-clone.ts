import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../repository.ts";
import type { Cell } from "../cell.ts";
import { median } from "../median.ts";
import { measureStart } from "../start-up.ts";
import type { Workshop } from "../workshop.ts";

const ROUNDS = 1;
const TARGET_MS_MAX = 60_000;

/** HEAD as it is committed, cloned from this checkout; the caches of npm and pnpm are what earlier installs left. */
export const freshCloneCell: Cell = {
  name: "fresh-clone",
  question: "`git clone` of HEAD, then `scripts/up`, until GET /health answers 200; npm's and pnpm's caches are warm",
  measure: async (workshop) => {
    const rounds = workshop.rounds ?? ROUNDS;
    const [clones, starts, totals]: [number[], number[], number[]] = [[], [], []];
    for (let round = 1; round <= rounds; round += 1) {
      workshop.say(`fresh-clone: round ${round} of ${rounds}`);
      const place = workshop.makeFolder(`fresh-clone-${round}`);
      const checkout = join(place, "parallax");
      const cloneMs = await measureClone(workshop, checkout);
      const startMs = await measureStart(workshop, {
        checkout,
        dataDir: join(checkout, ".parallax"),
        systemDir: join(place, "system"),
      });
      rmSync(place, { recursive: true, force: true });
      clones.push(cloneMs);
      starts.push(startMs);
      totals.push(cloneMs + startMs);
    }
    const parts = { clone: median(clones), "install and start": median(starts) };
    return [{ name: "clone to healthy", valuesMs: totals, targetMsMax: TARGET_MS_MAX, parts }];
  },
};

async function measureClone(workshop: Workshop, checkout: string): Promise<number> {
  const startedAt = performance.now();
  await promisify(execFile)("git", ["clone", "--quiet", "--no-hardlinks", ROOT, checkout], {
    env: {
      ...workshop.env,
      // Git refuses to read a checkout that belongs to somebody else, also through a clone.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
    },
    signal: workshop.signal,
  });
  return performance.now() - startedAt;
}
