import { sql } from "drizzle-orm";
import type { Tx } from "../store.ts";

/** The run that was made last in a project. */
export async function newestRun(tx: Tx, project: string): Promise<{ id: string; session: string }> {
  const [row] = await tx.execute<{ id: string; session: string }>(
    sql`SELECT id, session_id AS session FROM runs WHERE project_id = ${project} ORDER BY number DESC LIMIT 1`,
  );
  if (row === undefined) throw new Error("no run");
  return row;
}
