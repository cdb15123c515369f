import type { AgentPipes } from "./open-pipes.ts";
import type { TreeKind } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";
import type { StartedProcess } from "./start-process.ts";

/** What the two kinds of tree do differently; everything else is common to both. All calls are quick and never throw. */
export interface TreeBody {
  readonly kind: TreeKind;
  /** Our child: the agent itself, or the helper that waits for it and ends exactly as it ends. */
  readonly process: StartedProcess;
  /** The agent's main process once it leads its own session, or null. */
  findAgent(): number | null;
  /** The living processes of the tree without our helpers. */
  listMembers(): ProcessInfo[];
  /** Stops as much as the kernel can stop in one step; what it missed is stopped one by one. */
  stopAtOnce(): Promise<void>;
  /** Resolves when no such stop can come any more, unless asked for anew. */
  stopSettled(): Promise<void>;
  /** Sends SIGKILL to all there is at this moment. */
  killAtOnce(): void;
  /** False as long as something that `listMembers` does not show may still live. */
  isGone(): boolean;
  /** How many passes in a row must find nothing: a list can miss a process that was born behind its back. */
  readonly cleanPasses: number;
  /** Nothing is left: what identified the tree may from now on be another's. */
  release(): void;
}

/** A place that is ready for an agent. */
export interface TreePlace {
  /** Null if Node's own have to do. */
  readonly pipes: AgentPipes | null;
  /** Starts the agent with these as its stdin, stdout and stderr. */
  launch(stdio: readonly (number | "pipe")[]): Promise<TreeBody>;
  /** When no agent comes of it. */
  abandon(): void;
}
