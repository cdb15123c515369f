import type { ProcessInfo } from "./read-processes.ts";

/** All processes that `isRoot` names, and everything whose chain of parents leads to one of them. */
export function collectDescendants(all: readonly ProcessInfo[], isRoot: (info: ProcessInfo) => boolean): ProcessInfo[] {
  const childrenOf = Map.groupBy(all, (info) => info.parent);
  const found = new Map<number, ProcessInfo>();
  const pending = all.filter(isRoot);
  for (let info = pending.pop(); info !== undefined; info = pending.pop()) {
    if (found.has(info.pid)) continue;
    found.set(info.pid, info);
    pending.push(...(childrenOf.get(info.pid) ?? []));
  }
  return [...found.values()];
}
