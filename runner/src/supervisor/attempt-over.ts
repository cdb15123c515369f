/** Why an attempt ends without a completion. */
interface OverReason {
  /** superseded: it is not ours any more. given_up: cut off for too long, the runner is to report the loss. */
  readonly kind: "superseded" | "given_up";
  readonly code: string;
  readonly message: string;
}

/** Heard by everything that works for an attempt; the first reason counts. */
export interface AttemptOver {
  readonly signal: AbortSignal;
  readonly reason: OverReason | null;
  end(reason: OverReason): void;
}

export function createAttemptOver(): AttemptOver {
  const controller = new AbortController();
  let first: OverReason | null = null;
  return {
    signal: controller.signal,
    get reason() {
      return first;
    },
    end: (reason) => {
      if (first !== null) return;
      first = reason;
      controller.abort();
    },
  };
}
