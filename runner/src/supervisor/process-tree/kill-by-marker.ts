import { setTimeout as sleep } from "node:timers/promises";
import { ParallaxError } from "@parallax/shared/errors";
import { checkMarker } from "./check-command.ts";
import { identify } from "./end-members.ts";
import { MARKER_VARIABLE } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";
import { hasEnvironmentEntry, hasProc, isAlive, listProcesses, sendSignal } from "./read-processes.ts";

const PASS_PAUSE_MS = 3;
const CLEAN_PASSES = 2;
const SWEEP_MS = 10_000;

/**
 * For an owner that found a tree without a supervisor: ends every process of this host that was started with exactly this
 * marker (never the caller), sweep after sweep until none is found, and returns how many there were.
 * Our own init carries the marker too, so what cleared its environment inside a namespace ends with it.
 */
export async function killByMarker(marker: string): Promise<number> {
  checkMarker(marker);
  if (!hasProc) {
    throw new ParallaxError("unsupported_option", "processes cannot be found by their environment on this system", {
      hint: "Only Linux shows it. End the process group the supervisor recorded instead.",
    });
  }
  const killed = new Set<string>();
  const deadline = performance.now() + SWEEP_MS;
  for (let cleanPasses = 0; cleanPasses < CLEAN_PASSES; ) {
    const found = listMarked(marker);
    for (const info of found) {
      if (sendSignal(info.pid, "SIGKILL")) killed.add(identify(info));
    }
    cleanPasses = found.length === 0 ? cleanPasses + 1 : 0;
    if (performance.now() > deadline) throw leftOver(marker, found);
    await sleep(PASS_PAUSE_MS);
  }
  return killed.size;
}

/** The living processes of this host, other than the caller, that were started with exactly this marker. */
export function listMarked(marker: string): ProcessInfo[] {
  const entry = `${MARKER_VARIABLE}=${marker}`;
  return listProcesses().filter(
    (info) => info.pid !== process.pid && isAlive(info) && hasEnvironmentEntry(info.pid, entry),
  );
}

function leftOver(marker: string, found: readonly ProcessInfo[]): ParallaxError {
  return new ParallaxError("internal", `processes of ${marker} could not be ended within ${SWEEP_MS} ms`, {
    details: { pids: found.map((info) => info.pid) },
  });
}
