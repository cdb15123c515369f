import { existsSync, readdirSync } from "node:fs";
import { ParallaxError } from "@parallax/shared/errors";
import type { ExecutorAdapter, ExecutorModule } from "@parallax/shared/executor/adapter";

const EXECUTORS = new URL("../../../executors/", import.meta.url);

/** Names of all executors of this installation: the folders of executors/ with an adapter in them. */
export function listExecutorNames(): string[] {
  return readdirSync(EXECUTORS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(new URL(`${entry.name}/index.ts`, EXECUTORS)))
    .map((entry) => entry.name)
    .toSorted();
}

/** The name comes from outside and becomes a path: only one that is in the listing is loaded. */
export async function loadExecutor(name: string): Promise<ExecutorAdapter> {
  const names = listExecutorNames();
  if (!names.includes(name)) {
    throw new ParallaxError("executor_unknown", `there is no executor ${JSON.stringify(name)}`, {
      hint: `Known: ${names.join(", ")}.`,
    });
  }
  const module = (await import(new URL(`${name}/index.ts`, EXECUTORS).href)) as ExecutorModule;
  return module.adapter;
}
