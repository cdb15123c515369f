import { existsSync } from "node:fs";
import { holdLock } from "../alive-lock/hold-lock.ts";
import type { RunnerDeps } from "../deps.ts";
import { pause } from "../http/backoff.ts";
import { buryUnderLock } from "./bury-attempt.ts";
import type { ControlLink } from "./control-link.ts";
import { connectControl, controlAddress } from "./control-link.ts";
import type { SupervisorStatus } from "./control-protocol.ts";
import type { LiveAttempt } from "./live-attempts.ts";

/** How long a new supervisor may take until it can be connected to. */
const COME_UP_WITHIN_MS = 20_000;
const CONNECT_EVERY_MS = 25;

/**
 * Stays connected to a supervisor until it ends, which the connection's end tells at once. A directory that is gone says that it had
 * nothing left to do; otherwise whatever it left is cleaned up, under the lock that it held for life.
 */
export async function watchAttempt(
  deps: RunnerDeps,
  attempt: LiveAttempt,
  exited: Promise<void> | null,
): Promise<void> {
  let reason = "the supervisor died";
  const onStatus = (status: SupervisorStatus): void => {
    if (status.leftBecause !== null) reason = status.leftBecause;
    takeStatus(deps, attempt, status);
  };
  let link = await firstLink(deps, attempt, exited, onStatus);
  while (!deps.exiting.aborted) {
    if (link !== null) {
      attempt.link = link;
      attempt.linkedAtMs = deps.clock.monotonic();
      if (attempt.stopReason !== null) link.send({ command: "stop", reason: attempt.stopReason });
      deps.attempts.changed();
      await link.ended;
      attempt.link = null;
      attempt.heard = null;
      if (deps.exiting.aborted) return;
    }
    if (!existsSync(attempt.files.spec)) return finished(deps, attempt);
    const lock = await holdLock(controlAddress(attempt.spec, attempt.files));
    if (lock !== null) return buryUnderLock(deps, attempt, lock, reason);
    await pause(CONNECT_EVERY_MS, deps.exiting);
    link = await connectControl(attempt.spec, attempt.files, onStatus);
  }
  link?.close();
}

async function firstLink(
  deps: RunnerDeps,
  attempt: LiveAttempt,
  exited: Promise<void> | null,
  onStatus: (status: SupervisorStatus) => void,
): Promise<ControlLink | null> {
  let hasExited = exited === null;
  void exited?.then(() => {
    hasExited = true;
  });
  const deadlineMs = deps.clock.monotonic() + COME_UP_WITHIN_MS;
  for (;;) {
    // Read before connecting: one that exits right after has still been tried once more.
    const last = hasExited || deps.clock.monotonic() > deadlineMs || deps.exiting.aborted;
    const link = await connectControl(attempt.spec, attempt.files, onStatus);
    if (link !== null || last) return link;
    await pause(CONNECT_EVERY_MS, deps.exiting);
  }
}

function takeStatus(deps: RunnerDeps, attempt: LiveAttempt, status: SupervisorStatus): void {
  attempt.heard = { status, atMs: deps.clock.monotonic() };
  if (status.phase !== "hello") attempt.preparing = false;
  if (attempt.phase === status.phase) return;
  attempt.phase = status.phase;
  const log = deps.log.child({
    component: "supervisor",
    runId: attempt.spec.run.run_id,
    attempt: attempt.spec.run.attempt,
  });
  if (status.phase === "uploading") log.info({}, "Run ended and was reported");
  else log.debug({ phase: status.phase, tree: status.tree }, "Supervisor changed its phase");
  deps.attempts.changed();
}

function finished(deps: RunnerDeps, attempt: LiveAttempt): void {
  deps.attempts.remove(attempt);
}
