/** Brings the pinned CLI to the machine once, for tests. Other tests that need a real agent use it too. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { installPlan } from "../install.ts";
import { locateClaude } from "../locate.ts";

/** node_modules is ignored by git and by every tool here, and a cache in it outlives test runs. */
const DEFAULT_AGENTS_DIR = fileURLToPath(new URL("../../../node_modules/.cache/parallax-agents", import.meta.url));
const WAIT_MS_MAX = 180_000;
const run = promisify(execFile);

/** Returns a directory as the runner's `agentsDir`, with Claude Code in it. Safe to call from many processes at once. */
export async function ensureClaudeCode(): Promise<{ readonly agentsDir: string }> {
  const agentsDir = process.env["PARALLAX_TEST_AGENTS_DIR"] ?? DEFAULT_AGENTS_DIR;
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!(await isInstalled(agentsDir))) {
    if (performance.now() > deadline) throw new Error(`Claude Code was not installed within ${WAIT_MS_MAX} ms`);
    await mkdir(agentsDir, { recursive: true });
    if (!(await installUnlessBusy(agentsDir))) await pause(200);
  }
  return { agentsDir };
}

async function isInstalled(agentsDir: string): Promise<boolean> {
  const found = await locateClaude({ env: {}, agentsDir });
  return found.found && found.version === installPlan.version;
}

/** False when another process is at it. */
async function installUnlessBusy(agentsDir: string): Promise<boolean> {
  const lock = join(agentsDir, `${installPlan.folder}.lock`);
  const handle = await open(lock, "wx").catch(() => null);
  if (handle === null) {
    await removeLockOfTheDead(lock);
    return false;
  }
  try {
    await handle.writeFile(String(process.pid));
    if (!(await isInstalled(agentsDir))) await install(agentsDir);
    return true;
  } finally {
    await handle.close();
    await rm(lock, { force: true });
  }
}

async function removeLockOfTheDead(lock: string): Promise<void> {
  const pid = Number(await readFile(lock, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return;
  try {
    process.kill(pid, 0);
  } catch {
    await rm(lock, { force: true });
  }
}

/** Installed beside and renamed, so that nobody sees half of it. */
async function install(agentsDir: string): Promise<void> {
  const folder = await mkdtemp(join(agentsDir, `${installPlan.folder}-`));
  try {
    await writeFile(join(folder, "package.json"), '{"private":true}\n');
    const what = `${installPlan.npmPackage}@${installPlan.version}`;
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["install", "--prefix", folder, ...flags, what], { timeout: WAIT_MS_MAX });
    await rm(join(agentsDir, installPlan.folder), { recursive: true, force: true });
    await rename(folder, join(agentsDir, installPlan.folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
