import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { TreeKind } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";

/** Our child: the agent itself, or the helper that waits for it and ends exactly as it ends. */
export type AgentProcess = ChildProcessByStdio<Writable, Readable, Readable>;

/** What the two kinds of tree do differently; everything else is common to both. All calls are quick and never throw. */
export interface TreeBody {
  readonly kind: TreeKind;
  readonly child: AgentProcess;
  /** The agent's main process once it leads its own session, or null. */
  findAgent(): number | null;
  /** The living processes of the tree without our helpers. */
  listMembers(): ProcessInfo[];
  /** Stops as much as the kernel can stop in one step; what it missed is stopped one by one. */
  stopAtOnce(): void;
  /** Sends SIGKILL to all there is at this moment. */
  killAtOnce(): void;
  /** False as long as something that `listMembers` does not show may still live. */
  isGone(): boolean;
  /** How many passes in a row must find nothing: a list can miss a process that was born behind its back. */
  readonly cleanPasses: number;
  /** The agent has ended: its process and group id may soon belong to a stranger. */
  agentEnded(): void;
}
