import { sql } from "drizzle-orm";
import type { Store } from "../store.ts";

/**
 * Statements that no transition would make, with the guards of the schema out of the way: to see that whoever looks at the rows notices.
 * Undone by the rollback when `look` has seen them.
 */
export async function damage<T>(
  store: Store,
  statement: string,
  look: (store: Pick<Store, "db">) => Promise<T>,
): Promise<T> {
  const seen: T[] = [];
  const undo = new Error("undo");
  await store
    .transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL session_replication_role = replica`);
      for (const guard of [
        "terminal_has_end",
        "terminal_has_outcome",
        "active_has_lease",
        "counted",
        "unready_says_why",
        "ready_is_pending",
      ])
        await tx.execute(sql`ALTER TABLE runs DROP CONSTRAINT ${sql.identifier(guard)}`);
      await tx.execute(sql`ALTER TABLE attempts DROP CONSTRAINT attempts_check`);
      await tx.execute(sql`DROP INDEX runs_one_active`);
      await tx.execute(sql.raw(statement));
      seen.push(await look({ db: tx }));
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return seen[0] as T;
}
