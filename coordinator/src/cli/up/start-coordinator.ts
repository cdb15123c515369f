/** Starts a coordinator as a process and waits until it is healthy. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrorCode, ParallaxError } from "@parallax/shared/errors";
import type { Client } from "@parallax/shared/sdk/client";
import { createClient } from "@parallax/shared/sdk/client";
import { KEY_FILE } from "../connect.ts";
import type { Environment } from "../terminal/io.ts";
import { reachableUrl } from "./check-port.ts";
import { describeExit } from "./describe-exit.ts";
import { parseLogLine } from "./format-log-line.ts";
import type { Service, ServiceWatch } from "./keep-service.ts";
import { keepService } from "./keep-service.ts";
import { COORDINATOR_MAIN } from "./places.ts";

/** The first start makes a database cluster; a slow disk takes its time. */
const HEALTHY_MS_MAX = 120_000;
const LOOK_EVERY_MS = 100;

export interface CoordinatorSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly cwd: string;
  readonly env: Environment;
}

export interface RunningCoordinator {
  readonly service: Service;
  readonly url: string;
  readonly keyFile: string;
  readonly client: Client;
}

export async function startCoordinator(
  settings: CoordinatorSettings,
  watch: ServiceWatch,
  /** Told at once, so that the caller can end it when waiting fails. */
  onSpawn: (service: Service) => void = () => {},
): Promise<RunningCoordinator> {
  const service = keepService({
    command: process.execPath,
    args: [COORDINATOR_MAIN],
    cwd: settings.cwd,
    env: {
      ...settings.env,
      PARALLAX_HOST: settings.host,
      PARALLAX_PORT: String(settings.port),
      PARALLAX_DATA_DIR: settings.dataDir,
    },
    ...watch,
  });
  onSpawn(service);
  const url = reachableUrl(settings.host, settings.port);
  const over = new AbortController();
  try {
    await Promise.race([waitForHealth(url, over.signal), refuseEnd(service)]);
  } catch (error) {
    service.signal("SIGTERM");
    throw error;
  } finally {
    over.abort();
  }
  service.confirm();
  const keyFile = join(settings.dataDir, KEY_FILE);
  const key = (await readFile(keyFile, "utf8").catch(() => "")).trim();
  return { service, url, keyFile, client: createClient({ baseUrl: url, key: key === "" ? undefined : key }) };
}

async function waitForHealth(url: string, signal: AbortSignal): Promise<void> {
  const client = createClient({ baseUrl: url, repeatsMax: 0, requestTimeoutMs: 5_000 });
  const deadline = performance.now() + HEALTHY_MS_MAX;
  while (performance.now() < deadline) {
    const isHealthy = await client.health({ signal }).then(
      (health) => health.status === "healthy",
      () => false,
    );
    if (isHealthy) return;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  throw new ParallaxError(
    "coordinator_unreachable",
    `the coordinator was not healthy within ${HEALTHY_MS_MAX / 1_000} s`,
  );
}

async function refuseEnd(service: Service): Promise<never> {
  const exit = await service.ended;
  const lines = service.lastLines();
  const told = lines.map(parseLogLine).findLast((line) => line !== null && isErrorCode(line.fields.code));
  const { code, message, hint } = told?.fields ?? {};
  if (isErrorCode(code) && typeof message === "string") {
    throw new ParallaxError(code, message, typeof hint === "string" ? { hint } : {});
  }
  throw new ParallaxError("spawn_failed", `the coordinator ended at once ${describeExit(exit)}`, {
    details: { last_lines: lines.slice(-10) },
  });
}
