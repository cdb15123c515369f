import { setTimeout as sleep } from "node:timers/promises";
import { ParallaxError } from "@parallax/shared/errors";
import { identify } from "./end-members.ts";
import type { ProcessInfo } from "./read-processes.ts";
import { hasPendingStop, isStopped, readProcess, sendSignal } from "./read-processes.ts";
import type { TreeBody } from "./tree-body.ts";

const PASS_PAUSE_MS = 2;
/** How long the one-step stop is given before the processes are stopped one by one. */
const STEP_MS = 100;

export interface FreezeRequest {
  readonly body: Pick<TreeBody, "listMembers" | "stopAtOnce">;
  readonly freezeMs: number;
  readonly monotonic: () => number;
  /** True once the tree is being ended, which makes freezing pointless. */
  readonly isEnding: () => boolean;
}

/**
 * Stops every process, and returns those that the agent itself had stopped before (they stay so at the thaw).
 * A pass sees the list at one moment and each state at another, so a child born in between is missed by it: only when two
 * passes in a row find the same processes, all stopped, was there nobody left to give birth.
 */
export async function freezeMembers(request: FreezeRequest): Promise<Set<string>> {
  const { body, monotonic } = request;
  const stoppedBefore = new Set(body.listMembers().filter(isStoppedByOthers).map(identify));
  const deadline = monotonic() + request.freezeMs;
  let previous: string | null = null;
  while (!request.isEnding()) {
    await within(STEP_MS, body.stopAtOnce());
    const members = body.listMembers();
    const running = members.filter((info) => !isStopped(info));
    if (running.length === 0) {
      const now = members.map(identify).sort().join(" ");
      if (now === previous) break;
      previous = now;
    } else {
      previous = null;
      for (const info of running) sendSignal(info.pid, "SIGSTOP");
    }
    if (monotonic() > deadline) throw freezeFailure(running, request.freezeMs);
    await sleep(PASS_PAUSE_MS);
  }
  return stoppedBefore;
}

/** In this order: a stop that is pending no more by the second look has taken effect by the third. */
function isStoppedByOthers(info: ProcessInfo): boolean {
  if (isStopped(info) || hasPendingStop(info.pid)) return true;
  const now = readProcess(info.pid);
  return now !== null && isStopped(now);
}

export interface ThawRequest {
  readonly body: Pick<TreeBody, "listMembers" | "stopSettled">;
  readonly stoppedBefore: ReadonlySet<string>;
  readonly freezeMs: number;
}

/** Youngest first: a parent that wakes finds its children running and never learns that they were stopped. */
export async function thawMembers({ body, stoppedBefore, freezeMs }: ThawRequest): Promise<void> {
  if (!(await within(freezeMs, body.stopSettled()))) {
    throw new ParallaxError("internal", `the process tree's init did not answer within ${freezeMs} ms`, {
      hint: "Try again, or end the tree: what is thawed now could be stopped again by the late answer.",
    });
  }
  const members = body.listMembers().filter((info) => !stoppedBefore.has(identify(info)));
  members.sort((a, b) => Number(b.startTime) - Number(a.startTime) || b.pid - a.pid);
  for (const info of members) sendSignal(info.pid, "SIGCONT");
}

/** True if the promise came first; it goes on in any case. */
async function within(timeMs: number, promise: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(timeMs, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([promise.then(() => true), late]);
  timer.abort();
  return inTime;
}

function freezeFailure(running: readonly ProcessInfo[], freezeMs: number): ParallaxError {
  return new ParallaxError("internal", `the process tree did not come to rest within ${freezeMs} ms`, {
    hint: "End the tree: what cannot be frozen must not go on unobserved.",
    details: { running: running.map((info) => info.pid) },
  });
}
