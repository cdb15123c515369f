import type { Readable, Writable } from "node:stream";
import type { Clock } from "@parallax/shared/clock";
import type { Logger } from "pino";

/**
 * How a tree is held.
 *   pid-namespace  the kernel knows every member: nothing escapes, the end of the init is the end of all
 *   process-group  members are found by session, parent and marker variable, in repeated sweeps; a process that
 *                  leaves the session *and* clears its environment *and* has lost its parent is not found
 */
export type TreeKind = "pid-namespace" | "process-group";

/** Every process of a tree carries `PARALLAX_ATTEMPT=<marker>`, so that a stranger can end a tree whose owner died. */
export const MARKER_VARIABLE = "PARALLAX_ATTEMPT";

/** Signals that may be sent on their own. Stopping, continuing and killing concern the whole tree and have methods. */
export type TreeSignal = "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGTERM" | "SIGUSR1" | "SIGUSR2" | "SIGWINCH";

/** How the agent ended, complete and flat; no reader has to infer "killed" from a number. */
export interface TreeExit {
  /** The agent's own exit code; null when a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended the agent itself; null when it exited. */
  readonly signal: NodeJS.Signals | null;
  /** The agent died of a SIGKILL that was not ours while the kernel ended something for lack of memory. Linux only. */
  readonly oomKilled?: boolean;
  readonly durationMs: number;
  /** Processes the agent left behind when it ended, ended by us. */
  readonly survivorsKilled: number;
  /** Processes that could not be ended in time (stuck in the kernel, or not ours to kill). Anything but 0 needs a person. */
  readonly survivorsLeft: number;
}

/** An agent and everything it started. Owned by the process that spawned it, and ended with that process. */
export interface ProcessTree {
  readonly kind: TreeKind;
  /** The process this tree hangs on, as the owner's namespace numbers it. In a process group it is the agent itself. */
  readonly pid: number;
  /** Null if the agent ended before it could be seen. The number is that of the owner's namespace. */
  agentPid(): Promise<number | null>;
  /** Writes after the agent stopped reading or ended are dropped; they never throw. */
  readonly stdin: Writable;
  /** Both end once the agent has ended and its output is read, even if a leftover process holds them open. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when agent and leftovers are gone and all output written before the end is in the streams. Never rejects. */
  readonly exited: Promise<TreeExit>;
  /** Signals the agent's process group, as a terminal's Ctrl-C would. False if the agent had already ended. */
  signal(signal: TreeSignal): Promise<boolean>;
  /** No process of the tree runs when this resolves. Signals sent meanwhile arrive after the thaw; kill works at once. */
  freeze(): Promise<void>;
  /** Continues what freeze stopped; what the agent itself had stopped before stays stopped. */
  thaw(): Promise<void>;
  /** Ends everything; resolves when nothing of the tree is left, rejects if the kernel does not let go in time. */
  kill(): Promise<void>;
  /** The living processes of the tree, the agent included, our own helpers not. */
  survivors(): Promise<number[]>;
  readonly frozen: boolean;
}

export type TreeLogger = Pick<Logger, "debug" | "info" | "warn">;

export interface SpawnTreeOptions {
  /** The program and its arguments; they arrive byte for byte. The program is looked up in `env.PATH`. */
  readonly argv: readonly string[];
  /** An absolute path to an existing directory. */
  readonly cwd: string;
  /** The whole environment; nothing of the owner's is added but the marker. */
  readonly env: Readonly<Record<string, string>>;
  /** Unique to the attempt: at most 200 letters, digits and `._:-`. */
  readonly marker: string;
  /** Default: what `detectTreeKind` found. */
  readonly kind?: TreeKind;
  readonly logger?: TreeLogger;
  readonly clock?: Pick<Clock, "monotonic">;
  readonly limits?: Partial<TreeLimits>;
}

export interface TreeLimits {
  /** How long a namespace may take to come up. */
  readonly bootMs: number;
  /** How long output may still be held open by something that is not ours after the tree is gone. */
  readonly drainMs: number;
  readonly freezeMs: number;
  readonly killMs: number;
}

export const TREE_LIMITS: TreeLimits = { bootMs: 10_000, drainMs: 2_000, freezeMs: 10_000, killMs: 10_000 };
