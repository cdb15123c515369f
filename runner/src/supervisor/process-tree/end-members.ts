import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessInfo } from "./read-processes.ts";
import type { TreeBody } from "./tree-body.ts";

const PASS_PAUSE_MS = 1;

export function identify(info: ProcessInfo): string {
  return `${info.pid}@${info.startTime}`;
}

export interface EndRequest {
  readonly body: Pick<TreeBody, "listMembers" | "killAtOnce" | "isGone" | "cleanPasses">;
  readonly killMs: number;
  readonly monotonic: () => number;
  /** Gets the identity of every member that was found alive. */
  readonly onMember: (info: ProcessInfo) => void;
}

/** Kills until nothing is left, or until the time is over; returns what is left then (normally nothing). */
export async function endMembers(request: EndRequest): Promise<number[]> {
  const { body, monotonic } = request;
  const deadline = monotonic() + request.killMs;
  for (let cleanPasses = 0; ; ) {
    const members = body.listMembers();
    for (const info of members) request.onMember(info);
    body.killAtOnce();
    cleanPasses = members.length === 0 && body.isGone() ? cleanPasses + 1 : 0;
    if (cleanPasses === body.cleanPasses) return [];
    if (monotonic() > deadline) return members.map((info) => info.pid);
    await sleep(PASS_PAUSE_MS);
  }
}
