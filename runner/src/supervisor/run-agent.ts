import type { Clock } from "@parallax/shared/clock";
import type { AgentSignal, Ending } from "@parallax/shared/executor/adapter";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import type { ControlSocket } from "./control-socket.ts";
import { decideEnding } from "./decide-ending.ts";
import type { LeaseHolder } from "./hold-lease.ts";
import { type AgentReader, openReader } from "./output/open-reader.ts";
import { readAgent } from "./output/read-agent.ts";
import type { PreparedAgent } from "./prepare-agent.ts";
import type { ProcessTree, TreeExit, TreeLogger, TreeSignal } from "./process-tree/process-tree.ts";
import { spawnTree } from "./process-tree/spawn-tree.ts";
import type { Spool } from "./spool/spool.ts";
import type { StateCalls } from "./state-calls.ts";
import { type StopRequests, stopAgent } from "./stop-agent.ts";
import { type Deadlines, watchDeadlines } from "./watch-deadlines.ts";

export interface AgentDeps {
  readonly spec: AttemptSpec;
  readonly clock: Clock;
  readonly log: AttemptLog;
  readonly lease: LeaseHolder;
  readonly spool: Spool;
  readonly state: StateCalls;
  readonly stops: StopRequests;
  readonly over: AttemptOver;
  readonly control: ControlSocket;
}

export interface AgentEnd {
  readonly ending: Ending;
  readonly exit: TreeExit;
}

/** From the start of the agent until nothing of its tree is left and everything it said was read. */
export async function runAgent(deps: AgentDeps, agent: PreparedAgent): Promise<AgentEnd> {
  const { adapter, invocation } = agent;
  const reader = openReader({ executor: adapter.name, invocation, eventBytesMax: DEFAULT_LIMITS.eventBytesMax });
  try {
    return await runWithReader(deps, agent, reader);
  } finally {
    await reader.close();
  }
}

async function runWithReader(deps: AgentDeps, agent: PreparedAgent, reader: AgentReader): Promise<AgentEnd> {
  const { spec, lease, stops } = deps;
  const tree = await spawnTree({
    argv: agent.plan.argv,
    cwd: agent.invocation.projectDir,
    env: agent.env,
    marker: spec.marker,
    clock: deps.clock,
    logger: deps.log as unknown as TreeLogger,
  });
  deps.control.publish({ tree: "alive" });
  deps.log.info({ pid: tree.pid, kind: tree.kind }, "agent started");
  const live = new LiveAgent(deps, agent, tree);
  lease.hold(live);
  const end = (): void => live.kill();
  for (const signal of [deps.over.signal, reader.failed]) {
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  }
  stops.onRequest(() => live.stop());
  live.sendPrompt();
  const pump = {
    spool: deps.spool,
    reader,
    onChunk: () => {
      lease.check();
      live.deadlines.touched();
    },
    onSignal: (signal: AgentSignal) => live.onSignal(signal),
    onReaderError: (error: string) => deps.log.error({ err: error }, "the executor's reader threw"),
  };
  const { exit, ending } = await readAgent(tree, pump, { stops, over: deps.over.signal });
  deps.over.signal.removeEventListener("abort", end);
  lease.release();
  live.close();
  deps.log.info({ ...exit }, "agent ended");
  return { ending: explainOutOfMemory(decideEnding(ending, stops.cause), exit), exit };
}

/** An agent that runs, and everything that is done to it from outside. */
class LiveAgent {
  readonly deadlines: Deadlines;
  readonly #deps: AgentDeps;
  readonly #agent: PreparedAgent;
  readonly #tree: ProcessTree;
  #stdinOpen = true;
  #stopping = false;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(deps: AgentDeps, agent: PreparedAgent, tree: ProcessTree) {
    this.#deps = deps;
    this.#agent = agent;
    this.#tree = tree;
    const { timeout_seconds: timeoutSeconds, idle_timeout_seconds: idleTimeoutSeconds } = deps.spec.run.resources;
    const limits = { timeoutSeconds: timeoutSeconds ?? null, idleTimeoutSeconds: idleTimeoutSeconds ?? null };
    this.deadlines = watchDeadlines(deps.clock, limits, (cause) => deps.stops.request(cause));
  }

  sendPrompt(): void {
    if (this.#agent.plan.stdin !== null) this.#tree.stdin.write(this.#agent.plan.stdin);
    if (!this.#agent.plan.keepStdinOpen) this.#closeStdin();
  }

  onSignal(signal: AgentSignal): void {
    if (signal.kind === "bound") this.#deps.state.bind(signal.executorSessionId);
    if (signal.kind === "prompt_taken") this.#deps.state.take(this.#deps.spec.run.items);
    if (signal.kind !== "turn_ended") return;
    this.#closeStdin();
    this.#graceTimer ??= setTimeout(() => {
      this.#deps.log.warn(
        { graceMs: this.#deps.spec.timing.resultGraceMs },
        "the agent lived on after its result and is ended",
      );
      this.kill();
    }, this.#deps.spec.timing.resultGraceMs);
  }

  /** Called for an interrupt, and again when that became a stop. */
  stop(): void {
    if (this.#deps.stops.cause?.kind === "interrupt") {
      if (!this.#interrupt()) this.#signal("SIGINT");
      return;
    }
    if (this.#stopping) return;
    this.#stopping = true;
    this.#deps.log.info({ cause: this.#deps.stops.cause }, "stopping the agent");
    const { stopInterruptGraceMs, stopTermGraceMs } = this.#deps.spec.timing;
    void stopAgent({
      interrupt: () => this.#interrupt(),
      terminate: () => this.#signal("SIGTERM"),
      kill: () => this.kill(),
      gone: this.#tree.exited,
      interruptGraceMs: stopInterruptGraceMs,
      termGraceMs: stopTermGraceMs,
    });
  }

  #interrupt(): boolean {
    const bytes = this.#stdinOpen ? this.#agent.adapter.interrupt(this.#agent.invocation) : null;
    if (bytes !== null) this.#tree.stdin.write(bytes);
    return bytes !== null;
  }

  #signal(name: TreeSignal): void {
    this.#tree.signal(name).catch((error: unknown) => {
      this.#deps.log.warn({ err: String(error), signal: name }, "the agent could not be signalled");
    });
  }

  #closeStdin(): void {
    if (this.#stdinOpen) this.#tree.stdin.end();
    this.#stdinOpen = false;
  }

  kill(): void {
    this.#tree.kill().catch((error: unknown) => {
      this.#deps.log.error({ err: String(error) }, "processes of the agent could not be ended");
    });
  }

  async freeze(): Promise<void> {
    this.deadlines.paused();
    await this.#tree.freeze();
  }

  async thaw(): Promise<void> {
    await this.#tree.thaw();
    this.deadlines.resumed();
  }

  close(): void {
    clearTimeout(this.#graceTimer);
    this.deadlines.close();
  }
}

/** "Killed by SIGKILL" says nothing to a person whose machine ran out of memory. */
function explainOutOfMemory(ending: Ending, exit: TreeExit): Ending {
  if (exit.oomKilled !== true || ending.error === null) return ending;
  const hint = "The host ran out of memory and the kernel ended the agent.";
  return { ...ending, error: { ...ending.error, hint, details: { ...ending.error.details, oom_killed: true } } };
}
