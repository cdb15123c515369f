/** Ends a coordinator; one that does not hear is killed, and then its database, which it could not end, is ended for it. */
import { isParallaxError } from "@parallax/shared/errors";
import { pino } from "pino";
import { stopLeftPostmaster } from "../../embedded/stop-left-postmaster.ts";
import { holdCoordinatorLock } from "../../store/coordinator-lock.ts";
import type { Environment } from "../terminal/io.ts";
import type { Service } from "./keep-service.ts";

export interface CoordinatorPlace {
  readonly dataDir: string;
  readonly env: Environment;
}

/** `untilKilled` resolves when it has had time enough. */
export async function endCoordinator(
  service: Service,
  place: CoordinatorPlace,
  untilKilled: Promise<unknown>,
): Promise<void> {
  service.release();
  service.signal("SIGTERM");
  void untilKilled.then(() => service.signal("SIGKILL"));
  const exit = await service.ended;
  if (exit.exitCode === 0) return;
  const { DATABASE_URL: databaseUrl, PARALLAX_SYSTEM_DIR: systemDir } = place.env;
  if (databaseUrl !== undefined && databaseUrl !== "") return;
  await stopLeftPostmaster({ dataDir: place.dataDir, systemDir, logger: pino({ level: "silent" }), isAbandoned });
}

async function isAbandoned(url: string): Promise<boolean> {
  try {
    const lock = await holdCoordinatorLock(url, () => {});
    await lock.release();
    return true;
  } catch (error) {
    // a database that cannot be asked is of no use to anybody
    return !(isParallaxError(error) && error.code === "data_dir_in_use");
  }
}
