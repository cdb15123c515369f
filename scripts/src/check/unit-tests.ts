import { runTool } from "./run-tool.ts";
import type { Step } from "./step.ts";

/** The tests that need no service. What they print is kept and shown only if one fails. */
export function unitTestStep(): Step {
  return {
    name: "unit tests",
    run: async () => {
      const result = await runTool("vitest", ["run", "--project", "unit", "--no-color"]);
      const counted = /^\s*Tests\s+(.*?)\s*(\(\d+\))?$/m.exec(result.stdout);
      return {
        ok: result.exitCode === 0,
        output: result.stdout + result.stderr,
        ...(counted?.[1] === undefined ? {} : { note: counted[1] }),
      };
    },
  };
}
