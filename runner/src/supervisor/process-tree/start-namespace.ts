import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Duplex, Readable } from "node:stream";
import { ParallaxError } from "@parallax/shared/errors";
import { MARKER_VARIABLE } from "./process-tree.ts";
import { listChildren, readCommandLine, readPidNamespace } from "./read-processes.ts";
import { startProcess } from "./start-process.ts";
import type { NamespaceTools } from "./tree-support.ts";

/**
 * PID 1 of the namespace. It reaps orphans, stops everybody in one step when asked (USR1: `kill -1` reaches all members
 * but its sender, atomically), and ends - which ends all - when the owner's end of descriptor 3 closes, however the owner
 * died. The guard is a subshell because it must not be hit by an agent's `pkill sleep`; if it is killed all the same, it
 * is started again. The agent is not a child of this shell: `wait` cannot tell exit code 143 from a death by SIGTERM.
 */
export const INIT_SCRIPT = `
trap 'kill -s STOP -- -1' USR1
printf 'ready\\n' >&3 || exit 1
while :; do
  (read -r _) <&3 &
  guard=$!
  while wait "$guard"; status=$?; kill -s 0 "$guard" 2>/dev/null; do :; done
  [ "$status" -le 128 ] && exit 0
done
`;

const ERROR_TEXT_CHARS_MAX = 2_000;

/** A running, still empty namespace. */
export interface PidNamespace {
  readonly holder: ChildProcess;
  /** PID 1 of the namespace, as the owner numbers it. */
  readonly initPid: number;
  readonly id: string;
  readonly initCommandLine: string;
  holderExited(): boolean;
}

export interface NamespaceRequest {
  readonly tools: NamespaceTools;
  readonly cwd: string;
  readonly marker: string;
  readonly bootMs: number;
}

export async function startNamespace(request: NamespaceRequest): Promise<PidNamespace> {
  let exited = false;
  let errorText = "";
  const holder = await startProcess<ChildProcess>(
    holderCommand(request.tools),
    // The environment is ours, not the agent's: nothing in it can bend the shell, and no secret lies in two places.
    { cwd: request.cwd, env: { [MARKER_VARIABLE]: request.marker }, stdio: ["ignore", "ignore", "pipe", "pipe"] },
    (child) => {
      child.once("exit", () => {
        exited = true;
      });
      const stderr = child.stdio[2] as Readable;
      stderr.setEncoding("utf8").on("data", (text: string) => {
        errorText = (errorText + text).slice(0, ERROR_TEXT_CHARS_MAX);
      });
      stderr.on("error", () => undefined);
      (child.stdio[3] as Duplex).on("error", () => undefined);
    },
  );
  try {
    await waitUntilReady(holder, request.bootMs);
    const initPid = holder.pid === undefined ? undefined : listChildren(holder.pid)[0];
    const id = initPid === undefined ? null : readPidNamespace(initPid);
    if (initPid === undefined || id === null) throw new Error("the namespace's init ended at once");
    return { holder, initPid, id, initCommandLine: readCommandLine(initPid), holderExited: () => exited };
  } catch (cause) {
    holder.kill("SIGKILL");
    const reason = errorText.trim() || (cause instanceof Error ? cause.message : String(cause));
    throw new ParallaxError("spawn_failed", `could not start a PID namespace: ${reason}`, { cause });
  }
}

function holderCommand(tools: NamespaceTools): string[] {
  return [
    ...(tools.setpriv === null ? [] : [tools.setpriv, "--pdeathsig", "KILL", "--"]),
    tools.unshare,
    ...(tools.userNamespace ? ["--user", "--map-current-user"] : []),
    // With "slave", a disk or share mounted on the host later is still seen inside; nothing mounted inside leaks out.
    ...["--pid", "--mount", "--propagation", "slave", "--mount-proc", "--fork", "--kill-child", "--"],
    ...[tools.sh, "-c", INIT_SCRIPT, "parallax-init"],
  ];
}

async function waitUntilReady(holder: ChildProcess, bootMs: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error(`not ready after ${bootMs} ms`)), bootMs);
  // Stdio closes after the exit, so the error text is complete when this throws.
  const closed = once(holder, "close", { signal: stop.signal }).then(([code, signal]) => {
    throw new Error(`the helper ended with ${String(code ?? signal)}`);
  });
  try {
    await Promise.race([once(holder.stdio[3] as Duplex, "data", { signal: stop.signal }), closed]);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
    stop.abort();
    closed.catch(() => undefined);
  }
}
