import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startEmbeddedPostgres } from "./start-embedded-postgres.ts";
import { stopLeftPostmaster } from "./stop-left-postmaster.ts";
import type { TemporaryPlace } from "./testing/temporary-postgres.ts";
import { makePlace, openWire } from "./testing/temporary-postgres.ts";

const logger = pino({ level: "silent" });
let place: TemporaryPlace;
beforeEach(async () => {
  place = await makePlace();
});
afterEach(async () => await place.remove());

test("leaves a database that another coordinator has taken over", async () => {
  const postgres = await startEmbeddedPostgres({ ...place, logger });
  let asked = "";
  await stopLeftPostmaster({
    ...place,
    logger,
    isAbandoned: async (url) => {
      asked = url;
      return false;
    },
  });
  expect(asked).toBe(postgres.url);
  (await openWire(postgres.url)).close();
  await postgres.stop();
});

test("makes nothing in a data directory that has no database of its own", async () => {
  await mkdir(place.dataDir);
  await stopLeftPostmaster({ ...place, logger, isAbandoned: async () => true });
  expect(existsSync(join(place.dataDir, "postgres"))).toBe(false);
});
