import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
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

/** Three pipelines make three pipes; the innermost shell holds one end of each, says its number and waits for our end. */
const HOLD_PIPES_SCRIPT = `
: | { exec 4<&0; : | { exec 5<&0; : | { exec 6<&0; exec "$0" -c 'echo "$$" >&3; read -r _ <&3'; }; }; }
`;
const HOLDER_ANSWERS_MS = 5_000;

/**
 * Real pipes. What Node calls a pipe is a socket, which cannot be opened again by name: `cat /dev/stdin` and
 * `echo >/dev/stderr`, common in scripts, would fail. (A named pipe would make the first hang once its writer is gone.)
 * Node cannot make a pipe, so a shell makes three and we open both ends of each through /proc.
 * Null where that does not work: Node's sockets then have to do.
 */
export async function openPipes(): Promise<AgentPipes | null> {
  const sh = findTool("sh");
  if (!hasProc || sh === null) return null;
  const holder = await startProcess([sh, "-c", HOLD_PIPES_SCRIPT, sh], {
    env: {},
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const control = controlOf(holder.child);
  try {
    const [answer] = await once(control, "data", { signal: AbortSignal.timeout(HOLDER_ANSWERS_MS) });
    return openBothEnds(`/proc/${Number(answer)}/fd`);
  } catch {
    return null;
  } finally {
    control.destroy();
  }
}

function controlOf(child: ChildProcess): Duplex {
  const control = child.stdio[3] as Duplex;
  // A holder that ends without an answer must not leave us waiting.
  control.once("close", () => control.emit("error", new Error("no answer")));
  control.on("error", () => undefined);
  return control;
}

/** Each open is a new one: ours never waits, the agent's does, as it expects. */
function openBothEnds(folder: string): AgentPipes {
  const opened: number[] = [];
  const open = (name: string, flags: number) => {
    const descriptor = openSync(`${folder}/${name}`, flags);
    opened.push(descriptor);
    return descriptor;
  };
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
  try {
    const agentEnds = [open("4", O_RDONLY), open("5", O_WRONLY), open("6", O_WRONLY)] as const;
    const stdin = open("4", O_WRONLY | O_NONBLOCK);
    const stdout = open("5", O_RDONLY | O_NONBLOCK);
    const stderr = open("6", O_RDONLY | O_NONBLOCK);
    return usePipes({
      stdin: new Socket({ fd: stdin, readable: false, writable: true }),
      stdout: new Socket({ fd: stdout, readable: true, writable: false }),
      stderr: new Socket({ fd: stderr, readable: true, writable: false }),
      agentEnds,
    });
  } catch (error) {
    for (const descriptor of opened) closeSync(descriptor);
    throw error;
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
