import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { Duplex, Readable } from "node:stream";
import { ParallaxError } from "@parallax/shared/errors";
import { HOLD_PIPES_SCRIPT } from "./open-pipes.ts";
import { MARKER_VARIABLE } from "./process-tree.ts";
import { listChildren, readCommandLine, readPidNamespace, sendSignal } from "./read-processes.ts";
import type { StartedProcess } from "./start-process.ts";
import { startProcess } from "./start-process.ts";
import type { NamespaceTools } from "./tree-support.ts";

/**
 * PID 1 of the namespace. It reaps orphans, stops everybody in one step when asked (USR1: `kill -1` reaches all members
 * but its sender, atomically; the guard goes on) and says so, and ends - which ends all - when the owner's end of descriptor 3 closes, however the owner
 * died. The guard is a subshell because it must not be hit by an agent's `pkill sleep`; if it is killed all the same, it
 * is started again. The agent's pipes are made here, to save a process. The agent is not a child of this shell: `wait` cannot tell exit code 143 from a death by SIGTERM.
 */
const INIT_SCRIPT = `${HOLD_PIPES_SCRIPT}
trap 'kill -s STOP -- -1; kill -s CONT "$!" 2>/dev/null; echo stopped >&3' USR1
echo ready >&3 || exit 1
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
  /** Ends when the init has ended, and the init ends last of all. */
  readonly holder: StartedProcess;
  /** PID 1 of the namespace, as the owner numbers it. */
  readonly initPid: number;
  /** The kernel gives the number to the next namespace as soon as nobody holds this one: it is ours until `unpin`. */
  readonly id: string;
  unpin(): void;
  readonly initCommandLine: string;
  /** Asks the init to stop everybody; resolves when it has, or has ended. Until then it may stop what was thawed since. */
  stopAll(): Promise<void>;
  /** Resolves when no request is under way. */
  stopSettled(): Promise<void>;
}

export interface NamespaceRequest {
  readonly tools: NamespaceTools;
  readonly cwd: string;
  readonly marker: string;
  readonly bootMs: number;
}

export async function startNamespace(request: NamespaceRequest): Promise<PidNamespace> {
  const holder = await startProcess(holderCommand(request.tools), {
    cwd: request.cwd,
    // The environment is ours, not the agent's: nothing in it can bend the shell, and no secret lies in two places.
    env: { [MARKER_VARIABLE]: request.marker },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let errorText = "";
  const errors = holder.child.stdio[2] as Readable;
  const control = holder.child.stdio[3] as Duplex;
  errors.setEncoding("utf8").on("data", (text: string) => {
    errorText = (errorText + text).slice(0, ERROR_TEXT_CHARS_MAX);
  });
  errors.on("error", () => undefined);
  control.on("error", () => undefined);
  try {
    await waitUntilReady(holder.child, control, request.bootMs);
    const initPid = listChildren(holder.pid)[0];
    if (initPid === undefined) throw new Error("the namespace's init ended at once");
    const initCommandLine = readCommandLine(initPid);
    return { holder, initPid, ...pinNamespace(initPid), initCommandLine, ...askForStops(holder, initPid, control) };
  } catch (cause) {
    holder.child.kill("SIGKILL");
    const reason = errorText.trim() || (cause instanceof Error ? cause.message : String(cause));
    throw new ParallaxError("spawn_failed", `could not start a PID namespace: ${reason}`, { cause });
  }
}

function askForStops(holder: StartedProcess, initPid: number, control: Duplex) {
  let underWay: Promise<void> | null = null;
  let answered: (() => void) | null = null;
  control.on("data", () => answered?.());
  return {
    stopAll() {
      if (underWay !== null || holder.hasExited()) return underWay ?? Promise.resolve();
      const answer = new Promise<void>((done) => {
        answered = done;
      });
      // Until the holder is gone nobody has reaped the init, so its number cannot belong to anybody else.
      sendSignal(initPid, "SIGUSR1");
      const settled = Promise.race([answer, holder.exit.then(() => undefined)]).then(() => {
        underWay = null;
      });
      underWay = settled;
      return settled;
    },
    stopSettled: () => underWay ?? Promise.resolve(),
  };
}

function pinNamespace(initPid: number): Pick<PidNamespace, "id" | "unpin"> {
  let pin: number | null = openSync(`/proc/${initPid}/ns/pid`, "r");
  const unpin = () => {
    if (pin !== null) closeSync(pin);
    pin = null;
  };
  const id = readPidNamespace(initPid);
  if (id !== null) return { id, unpin };
  unpin();
  throw new Error("the namespace's init ended at once");
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

async function waitUntilReady(holder: ChildProcess, control: Duplex, bootMs: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error(`not ready after ${bootMs} ms`)), bootMs);
  // Stdio closes after the exit, so the error text is complete when this throws.
  const closed = once(holder, "close", { signal: stop.signal }).then(([code, signal]) => {
    throw new Error(`the helper ended with ${String(code ?? signal)}`);
  });
  try {
    await Promise.race([once(control, "data", { signal: stop.signal }), closed]);
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
    stop.abort();
    closed.catch(() => undefined);
  }
}
