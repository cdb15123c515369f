import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AttemptFiles } from "./attempt-files.ts";

const MAIN = fileURLToPath(new URL("../supervisor/main.ts", import.meta.url));

/**
 * A supervisor mostly waits: small is worth more than fast. Measured with 20 of them, as proportional set size each: 45 MB without
 * these, 35 MB with (10 of them are the reader's thread); while an agent floods its output 165 MB and 65 MB, at the same throughput.
 */
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--optimize-for-size", "--max-semi-space-size=1"];

/** What a supervisor itself needs of the runner's environment; the agent's comes from the spec. */
const SUPERVISOR_VARIABLES = [
  ["PATH", "HOME", "TMPDIR", "LANG", "TZ"],
  ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NODE_USE_ENV_PROXY"],
  ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"],
].flat();

export interface SpawnDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Stripped and compiled sources: without it, every supervisor would hold a TypeScript compiler of 15 MB. */
  readonly compileCacheDir: string;
}

/**
 * Starts the supervisor in a session of its own, so that neither a terminal's Ctrl-C nor this process's end reaches it.
 * Its arguments name only the attempt's directory. Resolves with a promise of its exit; rejects if it cannot be started.
 */
export async function spawnSupervisor(
  files: AttemptFiles,
  deps: SpawnDeps,
): Promise<{ readonly exited: Promise<void> }> {
  const log = await open(files.log, "a", 0o600);
  try {
    const env: Record<string, string> = { NODE_COMPILE_CACHE: deps.compileCacheDir };
    for (const name of SUPERVISOR_VARIABLES) {
      const value = deps.env[name];
      if (value !== undefined) env[name] = value;
    }
    const child = spawn(process.execPath, [...NODE_FLAGS, MAIN, files.dir], {
      cwd: "/",
      env,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    return { exited };
  } finally {
    await log.close();
  }
}
