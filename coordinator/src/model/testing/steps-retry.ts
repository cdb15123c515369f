import fc from "fast-check";
import { retryRun } from "../../runs/retry-run.ts";
import { comeToRest } from "./come-to-rest.ts";
import { type Asked, addRun, judgeResume } from "./creating.ts";
import { codeOf } from "./real.ts";
import { sessionOf } from "./rules.ts";
import { choose, expectSame, type Step } from "./step.ts";

export const retry: Step<number> = {
  name: "retry",
  weight: 2,
  given: fc.nat({ max: 30 }),
  take: async (bench, which) => {
    const { world, real } = bench;
    const run = choose(world.runs, which);
    const session = run === undefined ? undefined : sessionOf(world, run.session);
    if (run === undefined || session === undefined) return;
    const parent = run.mode === "async_callback" ? session.parent : null;
    const wanted: Asked = {
      mode: parent === null ? "sync" : "async_callback",
      join: run.join,
      onLost: run.onLost,
      priority: run.priority,
      later: false,
    };
    const asker = { agent: null, parent };
    const retryable = run.outcome !== null && !run.owed;
    const expected = retryable ? judgeResume(world, session, asker, wanted) : "run_not_retryable";
    let runId = "";
    const work = retryRun(real.deps, real.project, run.id ?? "", null).then((answer) => (runId = answer.run_id));
    expectSame(await codeOf(work), expected, "retry");
    if (expected !== "ok") return;
    addRun(world, runId, session, asker, wanted);
    comeToRest(world);
  },
};
