import type { RunRecord, SessionRecord, StoredDemands } from "../store/records.ts";

/** Demands only ever add up: a value that is set stays, tags unite. */
export function mergeDemands(...parts: readonly StoredDemands[]): StoredDemands {
  const merged: { -readonly [K in keyof StoredDemands]: StoredDemands[K] } = {};
  const tags = new Set<string>();
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      if (name === "tags" || value === undefined) continue;
      const slot = name as Exclude<keyof StoredDemands, "tags">;
      merged[slot] ??= value as string;
    }
    for (const tag of part.tags ?? []) tags.add(tag);
  }
  if (tags.size > 0) merged.tags = [...tags].sort();
  return merged;
}

/**
 * A session whose files cannot travel is demanded on the host that has them: resuming elsewhere would be a silent cold start.
 */
export function demandsOfResume(
  base: StoredDemands,
  session: SessionRecord,
  run: Pick<RunRecord, "executor" | "runtime" | "portable">,
): StoredDemands {
  const bound = run.runtime === "local" && !run.portable && session.hostname !== null;
  const place: StoredDemands = bound ? { hostname: session.hostname ?? undefined } : {};
  return mergeDemands({ executor: run.executor, runtime: run.runtime }, place, base);
}
