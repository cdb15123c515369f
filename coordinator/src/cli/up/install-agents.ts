/** `--with`: brings the pinned CLIs of agents into <data-dir>/agents when this machine has none that fits. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { ParallaxError } from "@parallax/shared/errors";
import type { Detection, ExecutorModule } from "@parallax/shared/executor/adapter";
import { NAME_PATTERN } from "@parallax/shared/protocol/common";
import type { Environment, Io } from "../terminal/io.ts";
import { stripControls, toOneLine } from "../terminal/strip-controls.ts";

const INSTALL_MS_MAX = 600_000;
const LINES_SHOWN = 15;

/** What executors/<name>/install.ts exports as `installPlan`. */
interface InstallPlan {
  readonly folder: string;
  readonly npmPackage: string;
  readonly version: string;
  readonly notice: string;
}

export interface InstallPlaces {
  readonly executorsDir: string;
  readonly agentsDir: string;
}

export async function installAgents(io: Io, names: readonly string[], places: InstallPlaces): Promise<void> {
  for (const name of names) await installAgent(io, name, places);
}

async function installAgent(io: Io, name: string, places: InstallPlaces): Promise<void> {
  const detect = await loadDetect(name, places);
  const before = await detect(io.env);
  if (before.found) {
    io.out(`${name} ${toOneLine(before.version)} is there: ${before.path}`);
    return;
  }
  const plan = await loadPlan(name, places.executorsDir);
  if (plan === null) {
    throw new ParallaxError("executor_not_found", `${name} cannot be installed by --with: ${before.reason}`, {
      hint: before.fix,
    });
  }
  io.out(`installing ${plan.npmPackage}@${plan.version} into ${join(places.agentsDir, plan.folder)} …`);
  io.out(io.paint("dim", plan.notice));
  await installWithNpm(io.env, plan, places.agentsDir);
  const after = await detect(io.env);
  if (!after.found) {
    throw new ParallaxError("executor_not_found", `${name} was installed but cannot be used: ${after.reason}`, {
      hint: after.fix,
    });
  }
  io.out(`${name} ${toOneLine(after.version)} is there: ${after.path}`);
}

async function loadDetect(name: string, places: InstallPlaces): Promise<(env: Environment) => Promise<Detection>> {
  const file = join(places.executorsDir, name, "index.ts");
  if (!NAME_PATTERN.test(name) || !existsSync(file)) {
    const known = (await readdir(places.executorsDir)).filter((one) =>
      existsSync(join(places.executorsDir, one, "index.ts")),
    );
    throw new ParallaxError("executor_unknown", `--with: there is no executor ${JSON.stringify(name)}`, {
      hint: `These are there: ${known.join(", ")}.`,
    });
  }
  const { adapter } = (await import(pathToFileURL(file).href)) as ExecutorModule;
  return (env) => adapter.detect({ env, agentsDir: places.agentsDir });
}

async function loadPlan(name: string, executorsDir: string): Promise<InstallPlan | null> {
  const file = join(executorsDir, name, "install.ts");
  if (!existsSync(file)) return null;
  const { installPlan } = (await import(pathToFileURL(file).href)) as { installPlan: InstallPlan };
  return installPlan;
}

/** Install scripts stay off: nothing of the package runs before somebody starts a run with it. */
async function installWithNpm(env: Environment, plan: InstallPlan, agentsDir: string): Promise<void> {
  const folder = join(agentsDir, plan.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--prefix", folder];
  try {
    await promisify(execFile)("npm", ["install", ...flags, `${plan.npmPackage}@${plan.version}`], {
      cwd: folder,
      env: { ...env },
      timeout: INSTALL_MS_MAX,
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    const output = String((error as { stderr?: unknown }).stderr ?? "");
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new ParallaxError(
      "executor_not_found",
      isMissing ? "npm is not installed" : `npm could not install ${plan.npmPackage}`,
      {
        hint: isMissing ? "Install npm (Debian: apt install npm)." : "It needs the npm registry and room on the disk.",
        details: { last_lines: stripControls(output).trim().split("\n").slice(-LINES_SHOWN) },
        cause: error,
      },
    );
  }
}
