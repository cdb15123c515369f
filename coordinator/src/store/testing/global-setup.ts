import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../embedded/start-embedded-postgres.ts";
import { migrateStore } from "../store.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Postgres for this run of the tests; its own database is a migrated template. */
    databaseUrl: string;
  }
}

/** One real Postgres per run of the tests; every test file gets a database of its own, copied from a migrated one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "parallax-test-pg-"));
  // as root Postgres runs as another user, who must be able to enter
  await chmod(directory, 0o755);
  const database = await startEmbeddedPostgres({
    dataDir: join(directory, "data"),
    systemDir: join(directory, "system"),
    logger: pino({ level: "silent" }),
  });
  await migrateStore({ url: database.url });
  project.provide("databaseUrl", database.url);
  return async () => {
    await database.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
