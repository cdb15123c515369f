/** One colour and one sign for a state, everywhere the same. */
import type { Io, Style } from "./io.ts";

const LOOKS: Readonly<Record<string, readonly [sign: string, style: Style]>> = {
  pending: ["◌", "yellow"],
  claimed: ["◌", "yellow"],
  running: ["▶", "cyan"],
  waiting: ["…", "cyan"],
  stopping: ["■", "yellow"],
  completed: ["✔", "green"],
  idle: ["✔", "green"],
  finished: ["✔", "green"],
  failed: ["✘", "red"],
  stopped: ["■", "red"],
  online: ["●", "green"],
  draining: ["●", "yellow"],
  stale: ["○", "red"],
};

export function paintState(io: Io, state: string, text = state): string {
  return io.paint(LOOKS[state]?.[1] ?? "dim", text);
}

export function stateSign(io: Io, state: string): string {
  const [sign, style] = LOOKS[state] ?? ["?", "dim"];
  return io.paint(style, sign);
}
