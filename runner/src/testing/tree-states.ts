import { readFileSync } from "node:fs";
import { listMarked } from "../supervisor/process-tree/kill-by-marker.ts";

/** State letters of the living processes of a tree; T is frozen. */
export function statesOf(marker: string): string[] {
  return listMarked(marker).map(({ pid }) => readState(pid));
}

function readState(pid: number): string {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "?";
  } catch {
    return "?";
  }
}
