import { ParallaxError } from "@parallax/shared/errors";
import postgres from "postgres";

const LOCK = 7_265_002;
const WAIT_MS = 5_000;
const RETRY_MS = 200;

export interface CoordinatorLock {
  release(): Promise<void>;
}

/**
 * One coordinator per data directory: an advisory lock on a connection of its own, gone with the process that held it. After a restart
 * of Postgres it is taken again; `onStolen` is called when another coordinator was faster.
 */
export async function holdCoordinatorLock(url: string, onStolen: () => void): Promise<CoordinatorLock> {
  const client = postgres(url, {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 5,
    onnotice: () => undefined,
    connection: { application_name: "parallax lock" },
  });
  await takeWithin(client, WAIT_MS);
  let released = false;
  const watch = setInterval(() => {
    holdsOrTakes(client).then(
      (held) => {
        if (!(held || released)) onStolen();
      },
      // Postgres is away: whoever comes back first takes it
      () => undefined,
    );
  }, WAIT_MS);
  watch.unref();
  return {
    release: async () => {
      released = true;
      clearInterval(watch);
      await client.end({ timeout: 2 });
    },
  };
}

/** The lock belongs to a connection: after a restart of Postgres a new one must take it. */
async function holdsOrTakes(client: postgres.Sql): Promise<boolean> {
  const [held] =
    await client`select 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted`;
  if (held !== undefined) return true;
  const [row] = await client`select pg_try_advisory_lock(${LOCK}) as held`;
  return row?.["held"] === true;
}

async function takeWithin(client: postgres.Sql, waitMs: number): Promise<void> {
  const until = performance.now() + waitMs;
  for (;;) {
    const [row] = await client`select pg_try_advisory_lock(${LOCK}) as held`;
    if (row?.["held"] === true) return;
    if (performance.now() > until) {
      await client.end({ timeout: 1 });
      throw new ParallaxError("data_dir_in_use", "another coordinator uses this database", {
        hint: "stop it, or choose another directory with --data-dir",
      });
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
