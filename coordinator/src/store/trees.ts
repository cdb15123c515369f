import { and, eq, sql } from "drizzle-orm";
import { trees } from "./schema.ts";
import type { Tx } from "./store.ts";

export async function createTree(tx: Tx, projectId: string, id: string): Promise<void> {
  await tx.insert(trees).values({ projectId, id }).onConflictDoNothing();
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
