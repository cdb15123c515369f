import { and, eq, sql } from "drizzle-orm";
import { trees } from "./schema.ts";
import type { Tx } from "./store.ts";

/** False when sessions of an earlier tree of this name are left. */
export async function createTree(tx: Tx, projectId: string, id: string): Promise<boolean> {
  const rows = await tx.insert(trees).values({ projectId, id }).onConflictDoNothing().returning({ id: trees.id });
  return rows.length > 0;
}

/** A tree ends with its last session. */
export async function deleteEmptyTree(tx: Tx, projectId: string, id: string): Promise<void> {
  const inhabited = sql`EXISTS (SELECT 1 FROM sessions s WHERE s.project_id = ${projectId} AND s.root_session_id = ${id})`;
  await tx.delete(trees).where(and(eq(trees.projectId, projectId), eq(trees.id, id), sql`NOT ${inhabited}`));
}

/** The first lock of everything that starts, settles or stops part of a tree. Returns the runs made in it so far. */
export async function lockTree(tx: Tx, projectId: string, id: string): Promise<number | null> {
  const [row] = await tx
    .select({ runsTotal: trees.runsTotal })
    .from(trees)
    .where(and(eq(trees.projectId, projectId), eq(trees.id, id)))
    .for("update");
  return row?.runsTotal ?? null;
}

export async function countRunInTree(tx: Tx, projectId: string, id: string): Promise<void> {
  await tx
    .update(trees)
    .set({ runsTotal: sql`${trees.runsTotal} + 1` })
    .where(and(eq(trees.projectId, projectId), eq(trees.id, id)));
}
