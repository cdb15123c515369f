/** Which agents' CLIs this machine has: asks every adapter in executors/, by name, as a runner does. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ExecutorModule } from "@parallax/shared/executor/adapter";
import type { Environment } from "../terminal/io.ts";
import type { Finding } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

export async function lookAtExecutors(executorsDir: string, env: Environment, agentsDir: string): Promise<Finding[]> {
  const entries = await readdir(executorsDir, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const findings = await Promise.all(names.sort().map((name) => lookAt(name, executorsDir, env, agentsDir)));
  if (findings.length === 0) return [fail("executors", `none in ${executorsDir}`, "Start from the repository.")];
  return findings;
}

async function lookAt(name: string, executorsDir: string, env: Environment, agentsDir: string): Promise<Finding> {
  const title = `executor ${name}`;
  try {
    const url = pathToFileURL(join(executorsDir, name, "index.ts")).href;
    const { adapter } = (await import(url)) as ExecutorModule;
    const found = await adapter.detect({ env, agentsDir });
    return found.found ? ok(title, `${found.version} at ${found.path}`) : warn(title, found.reason, found.fix);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail(
      title,
      `cannot be loaded: ${message}`,
      "Install the packages again: scripts/parallax doctor does it when they changed.",
    );
  }
}
