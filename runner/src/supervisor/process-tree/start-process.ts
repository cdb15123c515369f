import type { ChildProcess, SpawnOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { isMainThread } from "node:worker_threads";
import { ParallaxError } from "@parallax/shared/errors";

interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exit: Promise<ProcessExit>;
  hasExited(): boolean;
}

/**
 * Starts a program in a session of its own, so that a Ctrl-C at the owner's terminal does not reach it, and resolves when
 * it is running.
 */
export async function startProcess(command: readonly string[], options: SpawnOptions): Promise<StartedProcess> {
  // The kernel binds "die with your parent" to the thread that forked: the tree would end with the worker thread.
  if (!isMainThread) throw new ParallaxError("internal", "process trees must be started from the main thread");
  const [program = "", ...args] = command;
  try {
    const child = spawn(program, args, { ...options, detached: true });
    let exited = false;
    const exit = new Promise<ProcessExit>((done) => {
      child.once("exit", (exitCode, signal) => {
        exited = true;
        done({ exitCode, signal });
      });
    });
    await once(child, "spawn");
    // An error after the start (a signal that could not be sent) has nobody else to hear it.
    child.on("error", () => undefined);
    if (child.pid === undefined) throw new Error("a started process has no number");
    return { child, pid: child.pid, exit, hasExited: () => exited };
  } catch (cause) {
    throw startFailure(program, cause);
  }
}

function startFailure(program: string, cause: unknown): ParallaxError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "E2BIG") {
    const message = "arguments and environment together are larger than this host allows";
    return new ParallaxError("invalid_request", message, { hint: "Pass long texts through stdin or a file.", cause });
  }
  return new ParallaxError("spawn_failed", `could not start ${program} (${String(code)})`, { cause });
}
