import { systemClock } from "@parallax/shared/clock";
import { randomIds } from "@parallax/shared/ids";
import { DEFAULT_LIMITS, type Limits } from "@parallax/shared/limits";
import { pino } from "pino";
import { inject } from "vitest";
import { openLeaseTokens } from "../auth/lease-tokens.ts";
import type { Deps } from "../deps.ts";
import { createQueue } from "../queue/create-queue.ts";
import { createWake } from "../queue/wake.ts";
import { openStore } from "../store/store.ts";
import { freshDatabase } from "../store/testing/fresh-database.ts";

export interface TestDeps extends Deps {
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/** Real dependencies on a database of their own: call it in beforeAll, close it in afterAll. */
export async function makeTestDeps(limits: Partial<Limits> = {}): Promise<TestDeps> {
  const database = await freshDatabase(inject("databaseUrl"));
  const logger = pino({ level: process.env["PARALLAX_TEST_LOG"] ?? "silent" });
  const store = openStore({ url: database.url, connectionsMax: 8 });
  const queue = await createQueue({ databaseUrl: database.url, logger });
  return {
    databaseUrl: database.url,
    store,
    queue,
    wake: createWake(),
    clock: systemClock,
    ids: randomIds,
    limits: { ...DEFAULT_LIMITS, ...limits },
    tokens: await openLeaseTokens(store),
    logger,
    close: async () => {
      await queue.close();
      await store.close();
      await database.drop();
    },
  };
}
