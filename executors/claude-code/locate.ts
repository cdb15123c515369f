/** Finds a usable Claude Code: first what was installed for the fleet, then PATH. */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Detection, DetectionContext } from "@parallax/shared/executor/adapter";
import { INSTALL_HINT, installPlan, PINNED_VERSION } from "./install.ts";

const VERSION_TIMEOUT_MS = 15_000;
const run = promisify(execFile);

export async function locateClaude(context: DetectionContext): Promise<Detection> {
  const misses: string[] = [];
  for (const path of candidates(context)) {
    if (!(await isExecutable(path))) continue;
    const version = await askVersion(path, context);
    if (version === null) misses.push(`${path} does not say its version`);
    else if (isOlder(version, PINNED_VERSION)) misses.push(`${path} is ${version}, older than ${PINNED_VERSION}`);
    else return { found: true, version, path };
  }
  const reason = misses.length === 0 ? "there is no claude program on PATH" : misses.join("; ");
  return { found: false, reason, fix: INSTALL_HINT };
}

/**
 * The native program comes before npm's link to it: the link is a stub that only complains when the package's install script was
 * not allowed to run, which is npm's and pnpm's growing habit.
 */
function candidates({ agentsDir, env }: DetectionContext): string[] {
  const paths: string[] = [];
  if (agentsDir !== null) {
    const folder = join(agentsDir, installPlan.folder);
    const program = process.platform === "win32" ? "claude.exe" : "claude";
    const platform = `${process.platform}-${process.arch}`;
    for (const name of [platform, `${platform}-musl`]) {
      paths.push(join(folder, "node_modules", `${installPlan.npmPackage}-${name}`, program));
    }
    paths.push(join(folder, installPlan.binPath));
  }
  const directories = (env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  return [...paths, ...directories.map((directory) => join(directory, "claude"))];
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function askVersion(path: string, { env }: DetectionContext): Promise<string | null> {
  try {
    const { stdout } = await run(path, ["--version"], {
      timeout: VERSION_TIMEOUT_MS,
      killSignal: "SIGKILL",
      maxBuffer: 64 * 1024,
      env: { PATH: env["PATH"], HOME: env["HOME"], DISABLE_AUTOUPDATER: "1" },
    });
    return /^(\d+\.\d+\.\d+)\b/.exec(stdout.trim())?.[1] ?? null;
  } catch {
    return null;
  }
}

function isOlder(version: string, than: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of than.split(".").map(Number).entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
