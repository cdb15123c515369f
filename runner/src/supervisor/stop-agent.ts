/** Why the agent is being ended before it ended by itself. The first cause counts. */
export interface StopCause {
  /**
   * stop: somebody asked. timeout, idle_timeout: a deadline of the run. disk_full: what the agent says cannot be kept.
   * interrupt: only the turn is to end.
   */
  readonly kind: "stop" | "timeout" | "idle_timeout" | "disk_full" | "interrupt";
  readonly reason: string;
}

/** Collects requests to end the agent, also before there is one. */
export interface StopRequests {
  request(cause: StopCause): void;
  readonly cause: StopCause | null;
  /** Called with every request that goes further than the ones before; at once if there was one already. */
  onRequest(listener: (cause: StopCause) => void): void;
}

export function createStopRequests(): StopRequests {
  let cause: StopCause | null = null;
  let listener: ((cause: StopCause) => void) | null = null;
  return {
    request: (next) => {
      // An interrupt may become a stop; anything else stays what it was first.
      if (cause !== null && !(cause.kind === "interrupt" && next.kind !== "interrupt")) return;
      cause = next;
      listener?.(next);
    },
    get cause() {
      return cause;
    },
    onRequest: (added) => {
      listener = added;
      if (cause !== null) added(cause);
    },
  };
}

export interface StopStages {
  /** The agent's own way to end its turn; false when it has none that can be used now. */
  interrupt(): boolean;
  terminate(): void;
  kill(): void;
  /** Resolves when the agent is gone. */
  readonly gone: Promise<unknown>;
  readonly interruptGraceMs: number;
  readonly termGraceMs: number;
}

/** Interrupt, TERM, KILL, each with its grace: an agent that ends by itself leaves its conversation whole. */
export async function stopAgent(stages: StopStages): Promise<void> {
  if (stages.interrupt() && (await goneWithin(stages.gone, stages.interruptGraceMs))) return;
  stages.terminate();
  if (await goneWithin(stages.gone, stages.termGraceMs)) return;
  stages.kill();
}

/** Whether `gone` settled within `ms`. */
export async function goneWithin(gone: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const result = await Promise.race([gone.then(() => true), late]);
  clearTimeout(timer);
  return result;
}
