import { existsSync } from "node:fs";
import { z } from "zod";
import { listRepositoryFiles, ROOT, SOURCE_FOLDERS } from "../repository.ts";
import { runTool } from "./run-tool.ts";
import type { StepOutcome } from "./step.ts";

const cruiseSchema = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    violations: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        rule: z.object({ name: z.string() }),
        cycle: z.array(z.object({ name: z.string() })).optional(),
      }),
    ),
  }),
});

/**
 * The directions of imports. A cruiser that cannot parse the sources reads nothing and is content, so every
 * source file on disk must be among the modules that it read.
 */
export async function checkImports(): Promise<StepOutcome> {
  const folders = SOURCE_FOLDERS.filter((folder) => existsSync(`${ROOT}/${folder}`));
  const result = await runTool("depcruise", [
    "--config",
    ".dependency-cruiser.mjs",
    "--output-type",
    "json",
    ...folders,
  ]);
  if (result.stdout === "") return { ok: false, output: result.stderr };

  const cruise = cruiseSchema.parse(JSON.parse(result.stdout));
  const read = new Set(cruise.modules.map((module) => module.source));
  const unread = listRepositoryFiles().filter((file) => isSource(file) && !read.has(file));
  const problems = [
    ...cruise.summary.violations.map(({ rule, from, to, cycle }) => {
      const path = cycle === undefined ? to : cycle.map((step) => step.name).join(" -> ");
      return `${rule.name}: ${from} -> ${path}`;
    }),
    ...unread.map((file) => `not read by dependency-cruiser, so no rule was applied to it: ${file}`),
  ];
  if (result.exitCode !== 0 && problems.length === 0) problems.push(result.stderr);
  const sources = [...read].filter(isSource).length;
  if (sources === 0) problems.push("dependency-cruiser read no source file at all");
  return { ok: problems.length === 0, output: problems.join("\n"), note: `${sources} modules read` };
}

function isSource(file: string): boolean {
  const folder = file.split("/", 1)[0] ?? "";
  return SOURCE_FOLDERS.includes(folder) && /\.tsx?$/.test(file) && !/\.d\.ts$|\/(fixtures|dist)\//.test(file);
}
