import { formatStep, runSteps } from "./check/step.ts";
import { STATIC_STEPS } from "./check/steps.ts";
import { unitTestStep } from "./check/unit-tests.ts";

const startedAt = performance.now();
const finished = await runSteps([unitTestStep(), ...STATIC_STEPS], 2, (step) => console.log(formatStep(step)));
const failed = finished.filter((step) => !step.ok).map((step) => step.name);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(
  failed.length === 0
    ? `all ${finished.length} checks hold, ${seconds} s`
    : `${failed.length} of ${finished.length} checks failed (${failed.join("; ")}), ${seconds} s`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
