import type { ChildProcess, SpawnOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { isMainThread } from "node:worker_threads";
import { ParallaxError } from "@parallax/shared/errors";

/**
 * Starts a program in a session of its own, so that a Ctrl-C at the owner's terminal does not reach it, and gives it to
 * `attach` before anything it does can be missed. Resolves when the program is running.
 */
export async function startProcess<T extends ChildProcess>(
  command: readonly string[],
  options: SpawnOptions,
  attach: (child: T) => void,
): Promise<T> {
  // The kernel binds "die with your parent" to the thread that forked: the tree would end with the worker thread.
  if (!isMainThread) throw new ParallaxError("internal", "process trees must be started from the main thread");
  const [program = "", ...args] = command;
  try {
    const child = spawn(program, args, { ...options, detached: true }) as T;
    // An error after the start (a signal that could not be sent) has nobody else to hear it.
    child.on("error", () => undefined);
    if (child.pid !== undefined) attach(child);
    await once(child, "spawn");
    return child;
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
