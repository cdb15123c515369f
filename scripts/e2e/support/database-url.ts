import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where the embedded Postgres of this data directory listens, as its coordinator knows it: there is one such file per cluster. */
export async function readDatabaseUrl(dataDir: string): Promise<string> {
  const stateDir = join(dataDir, "postgres");
  const { password } = JSON.parse(await readFile(join(stateDir, "cluster.json"), "utf8")) as { password: string };
  const port = Number(await readFile(join(stateDir, "port"), "utf8"));
  return `postgres://parallax:${encodeURIComponent(password)}@127.0.0.1:${port}/parallax`;
}
