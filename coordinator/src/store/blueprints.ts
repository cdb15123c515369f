import { and, asc, eq, sql } from "drizzle-orm";
import type { BlueprintRecord } from "./records.ts";
import { blueprints } from "./schema.ts";
import type { Tx } from "./store.ts";

const key = (projectId: string, name: string) => and(eq(blueprints.projectId, projectId), eq(blueprints.name, name));

export async function findBlueprint(tx: Tx, projectId: string, name: string): Promise<BlueprintRecord | null> {
  const [row] = await tx.select().from(blueprints).where(key(projectId, name));
  return row ?? null;
}

export async function listBlueprints(tx: Tx, projectId: string): Promise<BlueprintRecord[]> {
  return await tx.select().from(blueprints).where(eq(blueprints.projectId, projectId)).orderBy(asc(blueprints.name));
}

/** Null when the name is taken. */
export async function insertBlueprint(
  tx: Tx,
  blueprint: typeof blueprints.$inferInsert,
): Promise<BlueprintRecord | null> {
  const [row] = await tx.insert(blueprints).values(blueprint).onConflictDoNothing().returning();
  return row ?? null;
}

export async function updateBlueprint(
  tx: Tx,
  projectId: string,
  name: string,
  change: Partial<typeof blueprints.$inferInsert>,
): Promise<BlueprintRecord | null> {
  const [row] = await tx
    .update(blueprints)
    .set({ ...change, modifiedAt: sql`clock_timestamp()` })
    .where(key(projectId, name))
    .returning();
  return row ?? null;
}

export async function deleteBlueprint(tx: Tx, projectId: string, name: string): Promise<boolean> {
  const rows = await tx.delete(blueprints).where(key(projectId, name)).returning({ name: blueprints.name });
  return rows.length > 0;
}
