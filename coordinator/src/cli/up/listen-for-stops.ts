import type { Io } from "../terminal/io.ts";

export interface Stops {
  /** Resolves with the first Ctrl-C, SIGTERM or SIGHUP. */
  readonly first: Promise<void>;
  /** How hard to stop by now: 0 not at all, 1 drain, 2 stop the runs, 3 leave at once. */
  level(): number;
  onChange(listener: (level: number) => void): void;
}

/** Ctrl-C raises the level by one; SIGTERM and SIGHUP mean that nobody will come back to press it again. */
export function listenForStops(io: Io): Stops {
  const first = Promise.withResolvers<void>();
  const listeners = new Set<(level: number) => void>();
  let level = 0;
  io.onSignal((signal) => {
    level = signal === "SIGINT" ? level + 1 : Math.max(2, level + 1);
    first.resolve();
    for (const listener of listeners) listener(level);
  });
  return { first: first.promise, level: () => level, onChange: (listener) => void listeners.add(listener) };
}
