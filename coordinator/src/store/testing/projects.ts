import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

export async function makeProject(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`INSERT INTO projects (id, name) VALUES (${id}, ${id})`);
}

/** Everything of a project, so that the next one meets an empty fleet. */
export async function forgetProject(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`DELETE FROM inbox_items WHERE project_id = ${id}`);
  for (const table of ["sessions", "duties", "trees", "runners", "lanes"])
    await tx.execute(sql`DELETE FROM ${sql.identifier(table)} WHERE project_id = ${id}`);
  await tx.execute(sql`DELETE FROM projects WHERE id = ${id}`);
}

/** Pauses that have begun last a day: the clock of a slow machine must not end them in the middle of a test. */
export async function lengthenPauses(tx: Tx, projectId: string): Promise<void> {
  const soon = sql`BETWEEN clock_timestamp() AND clock_timestamp() + interval '6 hours'`;
  await tx.execute(sql`
    UPDATE inbox_items SET not_before = not_before + interval '1 day' WHERE project_id = ${projectId} AND not_before ${soon}`);
  await tx.execute(sql`
    UPDATE runs SET offer_after = offer_after + interval '1 day' WHERE project_id = ${projectId} AND offer_after ${soon}`);
}
