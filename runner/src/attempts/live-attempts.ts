import type { AttemptFiles } from "./attempt-files.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import type { ControlLink } from "./control-link.ts";
import type { SupervisorStatus } from "./control-protocol.ts";

/**
 * starting   claimed here; `started` and the spawn are under way
 * otherwise  what its supervisor says of itself
 * burying    the supervisor is dead and the runner cleans up after it
 */
type LivePhase = "starting" | SupervisorStatus["phase"] | "burying";

/** One attempt that this runner is responsible for. */
export interface LiveAttempt {
  readonly spec: AttemptSpec;
  readonly files: AttemptFiles;
  phase: LivePhase;
  /** True from the accepted `started` until the supervisor's hello: the time in which the runner renews. */
  preparing: boolean;
  link: ControlLink | null;
  linkedAtMs: number;
  /** What its supervisor said last, and when; null before it said anything over the present link. */
  heard: { readonly status: SupervisorStatus; readonly atMs: number } | null;
  /** Asked to stop; told to the supervisor as soon as there is a link. */
  stopReason: string | null;
}

/** Before anything is known of its supervisor. */
export function newLiveAttempt(spec: AttemptSpec, files: AttemptFiles): LiveAttempt {
  return { spec, files, phase: "starting", preparing: false, link: null, linkedAtMs: 0, heard: null, stopReason: null };
}

export function stopAttempt(attempt: LiveAttempt, reason: string): void {
  attempt.stopReason ??= reason;
  attempt.link?.send({ command: "stop", reason });
}

/** The one table that the runner's loops share. */
export class LiveAttempts {
  readonly #attempts = new Map<string, LiveAttempt>();
  readonly #listeners = new Set<() => void>();
  #started = 0;

  static keyOf(spec: AttemptSpec): string {
    return `${spec.run.run_id}-${spec.run.attempt}`;
  }

  has(attempt: LiveAttempt): boolean {
    return this.#attempts.has(LiveAttempts.keyOf(attempt.spec));
  }

  add(attempt: LiveAttempt): void {
    this.#attempts.set(LiveAttempts.keyOf(attempt.spec), attempt);
    this.changed();
  }

  remove(attempt: LiveAttempt): void {
    this.#attempts.delete(LiveAttempts.keyOf(attempt.spec));
    this.changed();
  }

  list(): LiveAttempt[] {
    return [...this.#attempts.values()];
  }

  /** An attempt that only sends the rest of its log, or whose supervisor is dead, takes nobody's place. */
  usedSlots(): number {
    return this.list().filter(({ phase }) => phase !== "uploading" && phase !== "left" && phase !== "burying").length;
  }

  /** The coordinator has accepted a start of this process. */
  countStart(): void {
    this.#started += 1;
  }

  get started(): number {
    return this.#started;
  }

  changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves when `condition` holds, looked at after every change, or when `signal` is aborted. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition() && !signal.aborted) return;
        this.#listeners.delete(look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      this.#listeners.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }
}
