import type { Clock } from "@parallax/shared/clock";
import type { StopCause } from "./stop-agent.ts";

export interface Deadlines {
  /** The agent said something. */
  touched(): void;
  /** Frozen time is nobody's fault and does not count. */
  paused(): void;
  resumed(): void;
  close(): void;
}

export interface DeadlineLimits {
  readonly timeoutSeconds: number | null;
  readonly idleTimeoutSeconds: number | null;
}

const CHECK_EVERY_MS = 250;

/** Watches a run's own deadlines: its wall time and its longest silence, both without the time it was frozen. */
export function watchDeadlines(
  clock: Pick<Clock, "monotonic">,
  limits: DeadlineLimits,
  onMissed: (cause: StopCause) => void,
): Deadlines {
  const startedMs = clock.monotonic();
  let touchedMs = startedMs;
  let frozenSinceMs: number | null = null;
  let frozenMs = 0;
  let frozenAtTouchMs = 0;

  const check = (): void => {
    if (frozenSinceMs !== null) return;
    const now = clock.monotonic();
    if (limits.timeoutSeconds !== null && now - startedMs - frozenMs >= limits.timeoutSeconds * 1000) {
      onMissed({ kind: "timeout", reason: `ran longer than ${limits.timeoutSeconds} s` });
    } else if (
      limits.idleTimeoutSeconds !== null &&
      now - touchedMs - (frozenMs - frozenAtTouchMs) >= limits.idleTimeoutSeconds * 1000
    ) {
      onMissed({ kind: "idle_timeout", reason: `said nothing for ${limits.idleTimeoutSeconds} s` });
    }
  };

  const timer =
    limits.timeoutSeconds === null && limits.idleTimeoutSeconds === null ? null : setInterval(check, CHECK_EVERY_MS);
  return {
    touched: () => {
      touchedMs = clock.monotonic();
      frozenAtTouchMs = frozenMs;
    },
    paused: () => {
      frozenSinceMs ??= clock.monotonic();
    },
    resumed: () => {
      if (frozenSinceMs !== null) frozenMs += clock.monotonic() - frozenSinceMs;
      frozenSinceMs = null;
    },
    close: () => clearInterval(timer ?? undefined),
  };
}
