import { getTableColumns, getTableName, type Table } from "drizzle-orm";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as schema from "./schema.ts";

const tables = Object.values<Table>(schema);
let client: postgres.Sql;
beforeAll(() => {
  client = postgres(inject("databaseUrl"), { max: 1 });
});
afterAll(async () => await client.end({ timeout: 5 }));

describe("the tables as the query builder sees them", () => {
  it.each(tables.map((table) => [getTableName(table), table] as const))(
    "are those of the migrations: %s",
    async (name, table) => {
      const rows = await client<{ column_name: string; is_nullable: string }[]>`
      SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = ${name} AND table_schema = 'public'`;
      const migrated = Object.fromEntries(rows.map((row) => [row.column_name, row.is_nullable === "NO"]));
      const built = Object.fromEntries(
        Object.values(getTableColumns(table)).map((column) => [column.name, column.notNull]),
      );
      expect(built).toEqual(migrated);
    },
  );
});

describe("rows cannot lie", () => {
  class RolledBack extends Error {}

  /** What the database says to the statement, in a transaction that is always rolled back. */
  const refused = async (statement: string): Promise<string> => {
    let said = "accepted";
    await client
      .begin(async (tx) => {
        await tx.unsafe("INSERT INTO trees (project_id, id) VALUES ('default', 's')");
        await tx.unsafe(
          "INSERT INTO sessions (project_id, id, root_session_id, executor, runtime) VALUES ('default', 's', 's', 'test', 'local')",
        );
        await tx.unsafe("INSERT INTO lanes (id, project_id, key, demands) VALUES ('l', 'default', 'k', '{}')");
        await tx.unsafe(run("'r'", "waiting_for", "'x'"));
        await tx
          .savepoint((inner) => inner.unsafe(statement))
          .catch((error: postgres.PostgresError) => {
            said = error.constraint_name ?? `${error.code} ${error.message}`;
          });
        throw new RolledBack();
      })
      .catch((error: unknown) => {
        if (!(error instanceof RolledBack)) throw error;
      });
    return said;
  };
  const run = (id: string, columns: string, values: string) =>
    `INSERT INTO runs (id, project_id, session_id, tree_id, type, origin, lane_id, executor, runtime, mode, execution_mode, on_lost, ${columns})
     VALUES (${id}, 'default', 's', 's', 'start_session', 'request', 'l', 'test', 'local', 'headless', 'sync', 'resume', ${values})`;

  it.each([
    ["a terminal run without an end", run("'r2'", "state", "'completed'"), /terminal_has/],
    [
      "a claimed run without a lease",
      run("'r2'", "state, attempt, runner_id, claim_id", "'claimed', 1, 'x', 'c'"),
      /active_has_lease/,
    ],
    ["a pending run that neither is ready nor says why", run("'r2'", "attempt", "0"), /unready_says_why/],
    ["a state that is none", run("'r2'", "state, waiting_for", "'queued', 'x'"), /runs_state_check|terminal|unready/],
    ["an attempt that goes back", "UPDATE runs SET attempt = -1 WHERE id = 'r'", /PX002|attempt/],
  ])("and %s is refused by the database itself", async (_name, statement, constraint) => {
    expect(await refused(statement)).toMatch(constraint);
  });
});
