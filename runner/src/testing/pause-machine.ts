import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./until.ts";

const FREEZER = "/sys/fs/cgroup/freezer";

/** Whether this host can hold many processes still at once, as a suspend of the machine does. */
export function canPauseMachine(): boolean {
  try {
    accessSync(join(FREEZER, "cgroup.procs"), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export interface PausedMachine extends AsyncDisposable {
  /** All of them at once: nobody is first. */
  wake(): void;
}

/** Holds processes still, and what they start, until it is woken or disposed of. */
export function pauseMachine(name: string, pids: readonly number[]): PausedMachine {
  const group = join(FREEZER, name);
  mkdirSync(group);
  const set = (state: string): void => writeFileSync(join(group, "freezer.state"), state);
  for (const pid of pids) moveTo(group, String(pid));
  set("FROZEN");
  return {
    wake: () => set("THAWED"),
    [Symbol.asyncDispose]: async () => {
      set("THAWED");
      await until("the group is empty", () => {
        for (const pid of readFileSync(join(group, "cgroup.procs"), "utf8").split("\n")) moveTo(FREEZER, pid);
        return tryRemove(group);
      });
    },
  };
}

function moveTo(group: string, pid: string): void {
  try {
    if (pid !== "") writeFileSync(join(group, "cgroup.procs"), pid);
  } catch {
    // It has ended.
  }
}

function tryRemove(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}
