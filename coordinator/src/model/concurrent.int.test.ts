import assert from "node:assert/strict";
import { isParallaxError } from "@parallax/shared/errors";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { forgetProject } from "../store/testing/projects.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { auditDatabase } from "./audit.ts";
import { ACTIONS, begin } from "./testing/actions.ts";
import { finishEverything } from "./testing/finish-everything.ts";
import type { Action, Outside } from "./testing/outside.ts";
import { MODEL_LIMITS, openReal } from "./testing/real.ts";

const RUNS = Math.ceil(Number(process.env["PARALLAX_MODEL_RUNS"] ?? 100) / 3);
const SEED = process.env["PARALLAX_MODEL_SEED"];
const GROUPS_MAX = 25;

let deps: TestDeps;
beforeAll(async () => {
  deps = await makeTestDeps();
});
afterAll(async () => await deps.close());

let projects = 0;
const refused = new Map<string, number>();

interface Chosen {
  readonly action: Action;
  readonly which: number;
  toString(): string;
}

const chosen: fc.Arbitrary<Chosen> = fc.oneof(
  ...ACTIONS.map((action) => ({
    weight: action.weight,
    arbitrary: fc.nat({ max: 30 }).map((which) => ({ action, which, toString: () => `${action.name} ${which}` })),
  })),
);
const groups = fc.array(fc.array(chosen, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: GROUPS_MAX,
  size: "max",
});

/** Refusals that the moment explains are answers; anything else goes up. */
async function actAlone(outside: Outside, { action, which }: Chosen): Promise<void> {
  try {
    await action.act(outside, which);
  } catch (error) {
    if (!isParallaxError(error) || !action.refusals.includes(error.code)) throw error;
    refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
  }
}

async function audit(outside: Outside): Promise<void> {
  const { violations } = await auditDatabase(deps.store, { projectId: outside.real.project, limits: MODEL_LIMITS });
  assert.deepEqual([...violations, ...outside.real.errors], []);
}

it("whatever happens at the same time, nobody hears of an error of ours, an auditor finds nothing, and everything comes to an end", async () => {
  let acts = 0;
  const property = fc.asyncProperty(groups, async (sequence) => {
    const real = await openReal(deps, `c${++projects}`, [{ plain: false }, { plain: false }, { plain: true }]);
    const outside: Outside = { real, sessions: [], runs: [], attempts: [] };
    try {
      await begin(outside);
      for (const group of sequence) {
        const results = await Promise.allSettled(group.map(async (one) => await actAlone(outside, one)));
        for (const result of results) if (result.status === "rejected") throw result.reason;
        acts += group.length;
        await audit(outside);
      }
      await finishEverything(real);
      await audit(outside);
    } finally {
      await forgetProject(deps.store.db, real.project);
    }
  });
  await fc.assert(property, { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
  expect(acts).toBeGreaterThan(RUNS);
  process.stdout.write(`${RUNS} sequences, ${acts} acts; refused: ${JSON.stringify(Object.fromEntries(refused))}\n`);
}, 3_600_000);
