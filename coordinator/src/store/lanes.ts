import { createHash } from "node:crypto";
import { asc, eq } from "drizzle-orm";
import type { LaneRecord, StoredDemands } from "./records.ts";
import { lanes } from "./schema.ts";
import type { Tx } from "./store.ts";

/** Two runs that demand the same share a lane, however the demands were written down. */
function canonicalDemands(demands: StoredDemands): StoredDemands {
  const tags = [...new Set(demands.tags ?? [])].sort();
  return {
    executor: demands.executor,
    runtime: demands.runtime,
    ...(demands.hostname === undefined ? {} : { hostname: demands.hostname }),
    ...(demands.project_dir === undefined ? {} : { project_dir: demands.project_dir }),
    ...(demands.executor_profile === undefined ? {} : { executor_profile: demands.executor_profile }),
    ...(demands.executor_type === undefined ? {} : { executor_type: demands.executor_type }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

export async function ensureLane(tx: Tx, projectId: string, demands: StoredDemands): Promise<string> {
  const canonical = canonicalDemands(demands);
  const key = createHash("sha256").update(JSON.stringify(canonical)).digest("hex");
  const id = `lane_${createHash("sha256").update(`${projectId}\n${key}`).digest("hex").slice(0, 24)}`;
  await tx.insert(lanes).values({ id, projectId, key, demands: canonical }).onConflictDoNothing();
  return id;
}

export async function listLanes(tx: Tx, projectId: string): Promise<LaneRecord[]> {
  return await tx.select().from(lanes).where(eq(lanes.projectId, projectId)).orderBy(asc(lanes.createdAt));
}

export async function findLane(tx: Tx, id: string): Promise<LaneRecord | null> {
  const [row] = await tx.select().from(lanes).where(eq(lanes.id, id));
  return row ?? null;
}
