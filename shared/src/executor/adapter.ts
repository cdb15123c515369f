/**
 * The contract of an executor: the adapter for one agent CLI. What runs is one axis (this file), where it runs is the
 * other (the runner's runtimes); neither knows the other. An adapter is data and pure functions as far as possible: it says
 * which command to start and how to read it. It never spawns the agent, opens a socket or touches the coordinator itself.
 */

import type { ErrorCode } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { EventType } from "../protocol/events.ts";

export interface ExecutorCapabilities {
  readonly headless: boolean;
  readonly interactive: boolean;
  readonly resume: boolean;
  readonly fork: boolean;
  readonly steer: boolean;
  readonly interrupt: boolean;
  readonly permissions: boolean;
  readonly questions: boolean;
  readonly usage: boolean;
  readonly capsule: boolean;
}

/** Whether the CLI is there. `fix` is one sentence with the command that brings it. */
export type Detection =
  | { readonly found: true; readonly version: string; readonly path: string }
  | { readonly found: false; readonly reason: string; readonly fix: string };

/** Where the runner looks for agent CLIs: `--with` installs them under `agentsDir`. */
export interface DetectionContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Directory into which pinned CLIs are installed (`<data-dir>/agents`), or null. */
  readonly agentsDir: string | null;
}

export interface BlueprintForExecutor {
  readonly name: string;
  readonly systemPrompt: string | null;
  readonly mcpServers: Readonly<Record<string, McpServerConfig>>;
}

export interface McpServerConfig {
  readonly type: "http" | "stdio";
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Everything an adapter may know about one attempt. All placeholders are already filled. */
export interface Invocation {
  readonly runId: string;
  readonly sessionId: string;
  readonly attempt: number;
  readonly mode: "start" | "resume";
  /** The agent's own id of the conversation: set on resume, and on start when an earlier attempt already bound one. */
  readonly executorSessionId: string | null;
  /** What the agent reads: the person's prompt or the callback message. */
  readonly prompt: string;
  readonly projectDir: string;
  readonly blueprint: BlueprintForExecutor | null;
  readonly executorConfig: Readonly<Record<string, unknown>>;
  /** The supervisor's loopback gateway with its unguessable path; the agent's only way to the fleet. */
  readonly mcpUrl: string;
  /** A private directory (0700) of this attempt for the adapter's files; removed afterwards. */
  readonly attemptDir: string;
  /** The environment the agent's process will get, before the adapter's own additions. */
  readonly env: Readonly<Record<string, string>>;
  readonly agentsDir: string | null;
}

export interface CommandPlan {
  /** argv[0] is a path or is looked up in the plan's PATH. Never contains a secret. */
  readonly argv: readonly string[];
  /** Added to the invocation's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Written before the start, inside `attemptDir` only. */
  readonly files: readonly { readonly path: string; readonly content: string; readonly modeOctal: number }[];
  /** Written to stdin at once, or null for none. */
  readonly stdin: string | null;
  /** Keep stdin open after that (until `turn_ended`), for interrupts and steering. */
  readonly keepStdinOpen: boolean;
}

/** What the supervisor must act on; everything else is an event for readers. */
export type AgentSignal =
  | { readonly kind: "bound"; readonly executorSessionId: string }
  /** The agent has the prompt: the inbox items in it count as taken. */
  | { readonly kind: "prompt_taken" }
  /** The agent said its last word of this turn; it should end by itself soon. */
  | { readonly kind: "turn_ended" };

export interface AgentEvent {
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Reading {
  readonly events: readonly AgentEvent[];
  readonly signals: readonly AgentSignal[];
}

/** How the process tree ended; flat data, complete. */
export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly durationMs: number;
}

export interface EndingError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The adapter's judgement of the end, from what it read first and from the exit code last. */
export interface Ending {
  readonly outcome: Outcome;
  readonly resultText: string | null;
  readonly resultData: unknown;
  readonly error: EndingError | null;
  readonly usage: Readonly<Record<string, unknown>> | null;
}

/** Reads one attempt's output; stateful, but without I/O. */
export interface OutputReader {
  /** One line of stdout without its newline; may be anything, never throws. */
  stdoutLine(line: string): Reading;
  /** One line of stderr. */
  stderrLine(line: string): Reading;
  /** Called once, after the tree is gone and everything was read. `stopRequested` tells an interrupt from a failure. */
  finish(
    exit: ProcessExit,
    context: { readonly stopRequested: boolean },
  ): { readonly events: readonly AgentEvent[]; readonly ending: Ending };
}

export interface ExecutorAdapter {
  readonly name: string;
  readonly capabilities: ExecutorCapabilities;
  /** Names of variables of the runner's own environment that the agent may see beyond PATH, HOME, locale and proxies. */
  readonly envAllowList: readonly string[];
  detect(context: DetectionContext): Promise<Detection>;
  /** Refuses a bad `executor_config` with `executor_config_invalid` before anything starts. */
  checkConfig(config: Readonly<Record<string, unknown>>): void;
  /** May read the file system (to find the CLI), never writes. Throws ParallaxError `executor_not_found` with the fix as hint. */
  command(invocation: Invocation): Promise<CommandPlan>;
  createReader(invocation: Invocation): OutputReader;
  /** Bytes for stdin that end the agent's turn, or null when only signals can. */
  interrupt(invocation: Invocation): string | null;
  /** Bytes for stdin that put a message into the live turn, or null when it cannot. */
  steer(invocation: Invocation, message: string): string | null;
}

/** Every executors/<name>/index.ts exports `adapter`. */
export interface ExecutorModule {
  readonly adapter: ExecutorAdapter;
}
