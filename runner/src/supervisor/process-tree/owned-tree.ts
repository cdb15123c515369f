import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "@parallax/shared/clock";
import { ParallaxError } from "@parallax/shared/errors";
import { countOomKills } from "./count-oom-kills.ts";
import type { DrainedOutput } from "./drain-output.ts";
import { drainOutput } from "./drain-output.ts";
import { endMembers, identify } from "./end-members.ts";
import { freezeMembers, thawMembers } from "./freeze-members.ts";
import type { ProcessTree, TreeExit, TreeKind, TreeLimits, TreeLogger, TreeSignal } from "./process-tree.ts";
import { sendSignal } from "./read-processes.ts";
import type { TreeBody } from "./tree-body.ts";

const AGENT_POLL_MS = 1;
/** What a shell reports when the program it waited for died of SIGKILL. */
const SIGKILL_EXIT_CODE = 137;

export interface OwnedTreeDeps {
  readonly body: TreeBody;
  readonly pipes: { readonly stdin: Writable; readonly stdout: Readable; readonly stderr: Readable };
  readonly limits: TreeLimits;
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: TreeLogger | undefined;
}

/** What is common to both kinds of tree: its end, its output, freezing and killing. */
export class OwnedTree implements ProcessTree {
  readonly kind: TreeKind;
  readonly pid: number;
  readonly stdin: Writable;
  readonly exited: Promise<TreeExit>;
  readonly #deps: OwnedTreeDeps;
  readonly #stdout: DrainedOutput;
  readonly #stderr: DrainedOutput;
  readonly #startedAtMs: number;
  readonly #oomKillsBefore = countOomKills();
  /** Members other than the agent that we ended, by identity. */
  readonly #ended = new Set<string>();
  #agentPid: number | null = null;
  #agentEnded = false;
  #ending = false;
  #frozen = false;
  #stoppedBefore: ReadonlySet<string> = new Set();
  /** Freezing and thawing take turns. */
  #turn: Promise<void> = Promise.resolve();

  constructor(deps: OwnedTreeDeps) {
    this.#deps = deps;
    this.#startedAtMs = deps.clock.monotonic();
    this.kind = deps.body.kind;
    this.pid = deps.body.process.pid;
    this.stdin = deps.pipes.stdin;
    // A write to an agent that stopped reading is not an error of ours; the agent's end tells the rest.
    this.stdin.on("error", (error) => deps.logger?.debug({ err: error }, "agent does not read its input"));
    this.#stdout = drainOutput(deps.pipes.stdout);
    this.#stderr = drainOutput(deps.pipes.stderr);
    this.exited = this.#untilEnd();
  }

  get stdout(): Readable {
    return this.#stdout.stream;
  }

  get stderr(): Readable {
    return this.#stderr.stream;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  async agentPid(): Promise<number | null> {
    while (this.#agentPid === null && !this.#agentEnded) {
      this.#agentPid = this.#deps.body.findAgent();
      if (this.#agentPid === null) await sleep(AGENT_POLL_MS);
    }
    return this.#agentPid;
  }

  async signal(signal: TreeSignal): Promise<boolean> {
    const pid = await this.agentPid();
    if (pid === null || this.#agentEnded) return false;
    return sendSignal(-pid, signal);
  }

  freeze(): Promise<void> {
    return this.#takeTurn(async () => {
      // Before the agent is there, an empty namespace would look frozen.
      if (this.#frozen || (await this.agentPid()) === null) return;
      const { body, limits, clock } = this.#deps;
      const isEnding = () => this.#ending || this.#agentEnded;
      const stoppedBefore = await freezeMembers({
        body,
        freezeMs: limits.freezeMs,
        monotonic: () => clock.monotonic(),
        isEnding,
      });
      if (isEnding()) return;
      this.#stoppedBefore = stoppedBefore;
      this.#frozen = true;
    });
  }

  thaw(): Promise<void> {
    return this.#takeTurn(async () => {
      // Also after a freeze that failed half-way: what it stopped must be able to go on.
      const { body, limits } = this.#deps;
      await thawMembers({ body, stoppedBefore: this.#stoppedBefore, freezeMs: limits.freezeMs });
      this.#frozen = false;
      this.#stoppedBefore = new Set();
    });
  }

  async kill(): Promise<void> {
    const left = await this.#endAll();
    if (left.length > 0) {
      throw new ParallaxError("internal", `the process tree was not gone after ${this.#deps.limits.killMs} ms`, {
        hint: "A process that ignores SIGKILL waits in the kernel, mostly for a disk or a network file system.",
        details: { left },
      });
    }
    this.#frozen = false;
    await this.#deps.body.process.exit;
  }

  async survivors(): Promise<number[]> {
    return this.#deps.body.listMembers().map((info) => info.pid);
  }

  async #untilEnd(): Promise<TreeExit> {
    const { body, limits, clock, logger, pipes } = this.#deps;
    const { exitCode, signal } = await body.process.exit;
    const durationMs = clock.monotonic() - this.#startedAtMs;
    const oomKilled = !this.#ending && this.#lookedLikeOom(exitCode, signal);
    this.#agentEnded = true;
    const left = await this.#endAll();
    this.#frozen = false;
    if (left.length > 0) logger?.warn({ left }, "processes of the agent could not be ended");
    else body.release();
    if (this.#ended.size > 0) logger?.info({ count: this.#ended.size }, "ended processes the agent had left");
    pipes.stdin.destroy();
    await Promise.all([this.#stdout.finish(limits.drainMs), this.#stderr.finish(limits.drainMs)]);
    const survivorsKilled = this.#ended.size;
    return {
      exitCode,
      signal,
      ...(oomKilled && { oomKilled }),
      durationMs,
      survivorsKilled,
      survivorsLeft: left.length,
    };
  }

  #lookedLikeOom(exitCode: number | null, signal: NodeJS.Signals | null): boolean {
    if (signal !== "SIGKILL" && exitCode !== SIGKILL_EXIT_CODE) return false;
    const oomKills = countOomKills();
    return oomKills !== null && this.#oomKillsBefore !== null && oomKills > this.#oomKillsBefore;
  }

  async #endAll(): Promise<number[]> {
    this.#ending = true;
    const { body, limits, clock } = this.#deps;
    return endMembers({
      body,
      killMs: limits.killMs,
      monotonic: () => clock.monotonic(),
      onMember: (info) => {
        if (info.pid !== (this.#agentPid ?? body.findAgent())) this.#ended.add(identify(info));
      },
    });
  }

  #takeTurn(action: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
