import { randomBytes } from "node:crypto";
import postgres from "postgres";

export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A migrated database for one test file; dropped afterwards with whatever is still connected. */
export async function freshDatabase(templateUrl: string): Promise<FreshDatabase> {
  const template = new URL(templateUrl);
  const templateName = template.pathname.slice(1);
  const name = `t_${randomBytes(6).toString("hex")}`;
  const maintenance = new URL(templateUrl);
  maintenance.pathname = "/postgres";
  const run = async (statement: string): Promise<void> => {
    const client = postgres(maintenance.href, { max: 1, onnotice: () => undefined });
    try {
      await client.unsafe(statement);
    } finally {
      await client.end({ timeout: 5 });
    }
  };
  await run(`CREATE DATABASE ${name} TEMPLATE "${templateName}"`);
  const url = new URL(templateUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}
