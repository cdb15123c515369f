import { once } from "node:events";
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { hasProc } from "./read-processes.ts";
import { startProcess } from "./start-process.ts";
import { findTool } from "./tree-support.ts";

/** Our ends as streams, the agent's ends as descriptors for its stdio. */
export interface AgentPipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly agentEnds: readonly [number, number, number];
  /** For good, and more than once without harm: this process must not hold them when the agent has them. */
  closeAgentEnds(): void;
  /** All ends. */
  destroy(): void;
}

/**
 * Gives a shell the reading ends of three pipes as its descriptors 4, 5 and 6: shells pass a short here-document through
 * a pipe, without starting a process. Holding reading ends only, the shell keeps nobody from seeing an end of output.
 */
export const HOLD_PIPES_SCRIPT = `
exec 4<<A 5<<B 6<<C
x
A
x
B
x
C
read -r _ <&4; read -r _ <&5; read -r _ <&6
`;

const HOLDER_ANSWERS_MS = 5_000;

/**
 * Real pipes, made by the shell of that number. What Node calls a pipe is a socket, which cannot be opened again by name:
 * `cat /dev/stdin` and `echo >/dev/stderr`, common in scripts, would fail. (A named pipe would make the first hang once
 * its writer is gone.) Null where this does not work, as with old versions of bash: Node's sockets then have to do.
 */
export function openPipesOf(shellPid: number): AgentPipes | null {
  const opened: number[] = [];
  // Each open is a new one: ours never waits, the agent's does, as it expects.
  const open = (name: string, flags: number) => {
    const descriptor = openSync(`/proc/${shellPid}/fd/${name}`, flags);
    opened.push(descriptor);
    if (!fstatSync(descriptor).isFIFO()) throw new Error("not a pipe");
    return descriptor;
  };
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
  try {
    const agentEnds = [open("4", O_RDONLY), open("5", O_WRONLY), open("6", O_WRONLY)] as const;
    const ours = [open("4", O_WRONLY | O_NONBLOCK), open("5", O_RDONLY | O_NONBLOCK), open("6", O_RDONLY | O_NONBLOCK)];
    const [stdin = -1, stdout = -1, stderr = -1] = ours;
    return usePipes({
      stdin: new Socket({ fd: stdin, readable: false, writable: true }),
      stdout: new Socket({ fd: stdout, readable: true, writable: false }),
      stderr: new Socket({ fd: stderr, readable: true, writable: false }),
      agentEnds,
    });
  } catch {
    for (const descriptor of opened) closeSync(descriptor);
    return null;
  }
}

/** The same where no shell is at hand: one is started and ended again. */
export async function openPipes(): Promise<AgentPipes | null> {
  const sh = findTool("sh");
  if (!hasProc || sh === null) return null;
  const script = `${HOLD_PIPES_SCRIPT} echo ready >&3; read -r _ <&3`;
  const holder = await startProcess([sh, "-c", script], { env: {}, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const control = holder.child.stdio[3] as Duplex;
  control.on("error", () => undefined);
  try {
    await Promise.race([once(control, "data", { signal: AbortSignal.timeout(HOLDER_ANSWERS_MS) }), holder.exit]);
    return openPipesOf(holder.pid);
  } catch {
    return null;
  } finally {
    control.destroy();
  }
}

function usePipes(pipes: Pick<AgentPipes, "stdin" | "stdout" | "stderr" | "agentEnds">): AgentPipes {
  let openEnds: readonly number[] = pipes.agentEnds;
  const closeAgentEnds = () => {
    for (const end of openEnds) closeSync(end);
    openEnds = [];
  };
  const destroy = () => {
    closeAgentEnds();
    for (const stream of [pipes.stdin, pipes.stdout, pipes.stderr]) stream.destroy();
  };
  return { ...pipes, closeAgentEnds, destroy };
}
