import { checkDocs } from "../docs/check-docs.ts";
import { checkFileLengths } from "./check-file-lengths.ts";
import { checkImports } from "./check-imports.ts";
import { runTool } from "./run-tool.ts";
import type { Step } from "./step.ts";

/** Everything that can be said of the sources without running them; the slow ones first. */
export const STATIC_STEPS: readonly Step[] = [
  { name: "imports", run: checkImports },
  toolStep("types", "tsc", ["--noEmit"]),
  toolStep("dead code", "knip", ["--no-progress", "--no-config-hints"]),
  toolStep("format, lint", "biome", ["check", "--error-on-warnings", "--max-diagnostics=20", "."]),
  { name: "docs", run: checkDocs },
  { name: "file length", run: checkFileLengths },
];

function toolStep(name: string, tool: string, args: readonly string[]): Step {
  return {
    name,
    run: async () => {
      const result = await runTool(tool, args);
      return { ok: result.exitCode === 0, output: result.stdout + result.stderr };
    },
  };
}
