/** Ctrl-C for commands: aborts what is under way; the second one ends the process. `up` listens itself. */

import { EXIT_CODES } from "./exit-codes.ts";
import type { SignalListener, Signals } from "./terminal/io.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function serveSignals(process: Pick<NodeJS.Process, "on" | "exit">): Signals {
  const control = new AbortController();
  const listeners = new Set<SignalListener>();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      for (const listener of listeners) listener(signal);
      if (listeners.size > 0) return;
      if (control.signal.aborted) process.exit(EXIT_CODES.interrupted);
      control.abort(new Error("interrupted"));
    });
  }
  return { aborted: control.signal, onSignal: (listener) => void listeners.add(listener) };
}
