import assert from "node:assert/strict";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { forgetProject } from "../store/testing/projects.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { auditDatabase } from "./audit.ts";
import { sequences } from "./testing/commands.ts";
import { finishEverything } from "./testing/finish-everything.ts";
import { MODEL_LIMITS, openReal } from "./testing/real.ts";
import type { Bench } from "./testing/step.ts";
import { startRoot } from "./testing/steps-create.ts";
import { emptyWorld } from "./testing/world.ts";

const RUNS = Number(process.env["PARALLAX_MODEL_RUNS"] ?? 100);
const SEED = process.env["PARALLAX_MODEL_SEED"];
const COMMANDS_MAX = 100;

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

let projects = 0;
const counts = new Map<string, number>();

async function openBench(runners: readonly { plain: boolean }[]): Promise<Bench> {
  const real = await openReal(deps, `m${++projects}`, runners);
  const bench = { real, world: emptyWorld(MODEL_LIMITS, real.modelRunners), counts };
  // there is always something to happen to
  await startRoot.take(bench, { mode: "sync", join: null, onLost: null, priority: null, later: false });
  return bench;
}

const fleets = fc.constantFrom(
  [{ plain: false }],
  [{ plain: false }, { plain: false }],
  [{ plain: false }, { plain: true }, { plain: false }],
);

it("whatever happens in whatever order, the database says what the model of the rules says, and an auditor finds nothing", async () => {
  const property = fc.asyncProperty(fleets, sequences(1, COMMANDS_MAX), async (runners, commands) => {
    const bench = await openBench(runners);
    try {
      for (const command of commands) await command.play(bench);
      await finishEverything(bench.real);
      const { violations } = await auditDatabase(deps.store, { projectId: bench.real.project, limits: MODEL_LIMITS });
      assert.deepEqual(violations, []);
    } finally {
      await forgetProject(deps.store.db, bench.real.project);
    }
  });
  await fc.assert(property, { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
  expect(counts.get("commands")).toBeGreaterThan(RUNS);
  process.stdout.write(`${RUNS} sequences: ${[...counts].map(([what, times]) => `${times} ${what}`).join(", ")}\n`);
}, 3_600_000);
