import { readFileSync } from "node:fs";

/** How often this kernel has killed a process for lack of memory, in any cgroup; null where it does not say. */
export function countOomKills(): number | null {
  try {
    const line = /^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"));
    return line === null ? null : Number(line[1]);
  } catch {
    return null;
  }
}
