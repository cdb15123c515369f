import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, rename, stat } from "node:fs/promises";
import type { Runtime } from "./install-runtime.ts";
import type { Home } from "./resolve-home.ts";
import { SERVER_ENVIRONMENT, serverArguments } from "./settings.ts";

export interface Launched {
  readonly pid: number;
  hasExited(): boolean;
  /** Ends a postmaster that is not wanted after all. */
  end(): Promise<void>;
  /** The end of what this postmaster has written to the log. */
  readLog(): Promise<string>;
}

const LOG_BYTES_MAX = 5 * 1024 * 1024;
const LOG_TAIL_BYTES = 4_096;

/** Starts a postmaster in a session of its own, tied to this process by nothing: it must outlive a crash of it. */
export async function launchPostmaster(home: Home, runtime: Runtime, port: number): Promise<Launched> {
  const written = (await stat(home.logFile).catch(() => null))?.size ?? 0;
  if (written > LOG_BYTES_MAX) await rename(home.logFile, `${home.logFile}.1`);
  const log = await open(
    home.logFile,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(runtime.postgres, serverArguments(home.clusterDir, port), {
      cwd: home.homeDir,
      env: SERVER_ENVIRONMENT,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      ...home.account,
    });
    await spawned(child);
    child.unref();
    const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
    return {
      pid: child.pid ?? 0,
      hasExited,
      end: async () => {
        if (hasExited()) return;
        const exit = once(child, "exit");
        child.kill("SIGINT");
        await exit;
      },
      readLog: () => readTail(home.logFile, logStart),
    };
  } finally {
    await log.close();
  }
}

async function spawned(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.on("error", () => undefined);
}

async function readTail(path: string, from: number): Promise<string> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, "r");
    const start = Math.max(from, (await file.stat()).size - LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(LOG_TAIL_BYTES), position: start });
    return buffer.toString("utf8", 0, bytesRead);
  } catch {
    return "";
  } finally {
    await file?.close();
  }
}
