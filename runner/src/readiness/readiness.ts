import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { DetectionContext } from "@parallax/shared/executor/adapter";
import type { ServedExecutor } from "../deps.ts";

const MEBIBYTE = 1024 * 1024;

/** Whether this host can take a run now, looked at before one is taken: a run that fails for lack of room is worse than one that waits. */
export class Readiness {
  readonly #stateDir: string;
  readonly #minFreeBytes: number;
  readonly #context: DetectionContext;
  readonly #executors: Map<string, ServedExecutor>;
  readonly #missing = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #reason: string | null = null;

  constructor(
    of: { readonly stateDir: string; readonly minFreeBytes: number; readonly context: DetectionContext },
    executors: ReadonlyMap<string, ServedExecutor>,
  ) {
    this.#stateDir = of.stateDir;
    this.#minFreeBytes = of.minFreeBytes;
    this.#context = of.context;
    this.#executors = new Map(executors);
  }

  /** Null while runs can be taken; else one sentence for whoever looks at the list of runners. */
  get reason(): string | null {
    return this.#reason;
  }

  /** What can be started now; all of them while none can, so that the runner stays known for what it serves. */
  get available(): ReadonlyMap<string, ServedExecutor> {
    const found = [...this.#executors].filter(([name]) => !this.#missing.has(name));
    return found.length === 0 ? this.#executors : new Map(found);
  }

  async look(): Promise<void> {
    for (const [name, executor] of this.#executors) await this.#lookAtExecutor(name, executor);
    const reason = this.#missing.size === this.#executors.size ? this.#describeMissing() : await this.#describeDisk();
    if (reason !== this.#reason) {
      this.#reason = reason;
      for (const listener of [...this.#listeners]) listener();
    }
  }

  /** Aborted at the next change of `reason`; `stop` when nobody waits for it any more. */
  nextChange(): { readonly signal: AbortSignal; stop(): void } {
    const controller = new AbortController();
    const listener = (): void => controller.abort();
    this.#listeners.add(listener);
    return { signal: controller.signal, stop: () => this.#listeners.delete(listener) };
  }

  async #lookAtExecutor(name: string, executor: ServedExecutor): Promise<void> {
    if (!this.#missing.has(name) && existsSync(executor.path)) return;
    const detection = await executor.adapter.detect(this.#context).catch(() => null);
    if (detection?.found === true) {
      this.#executors.set(name, { ...executor, version: detection.version, path: detection.path });
      this.#missing.delete(name);
    } else this.#missing.add(name);
  }

  #describeMissing(): string {
    return `the CLI of ${[...this.#missing].join(", ")} is not found any more`;
  }

  async #describeDisk(): Promise<string | null> {
    if (this.#minFreeBytes === 0) return null;
    try {
      const { bavail, bsize } = await statfs(this.#stateDir);
      const freeBytes = bavail * bsize;
      if (freeBytes >= this.#minFreeBytes) return null;
      const [free, wanted] = [freeBytes, this.#minFreeBytes].map((bytes) => Math.floor(bytes / MEBIBYTE));
      return `${free} MiB are free on the disk of the state directory, ${wanted} MiB are wanted`;
    } catch (error) {
      return `the state directory cannot be used: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}
