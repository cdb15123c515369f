/** Starts a runner as a process of its own; what it starts outlives it by design. */

import { setTimeout as sleep } from "node:timers/promises";
import { ParallaxError } from "@parallax/shared/errors";
import type { Runner } from "@parallax/shared/protocol/runners";
import type { Client } from "@parallax/shared/sdk/client";
import type { Environment } from "../terminal/io.ts";
import { describeExit } from "./describe-exit.ts";
import type { Service, ServiceWatch } from "./keep-service.ts";
import { keepService } from "./keep-service.ts";
import { RUNNER_PROGRAM } from "./places.ts";

const ONLINE_MS_MAX = 30_000;
const LOOK_EVERY_MS = 100;

export interface RunnerSettings {
  readonly url: string;
  readonly keyFile: string;
  readonly stateDir: string;
  readonly projectDir: string;
  readonly agentsDir: string;
  readonly slots: number | undefined;
  readonly labels: readonly string[];
  readonly env: Environment;
}

export function startRunner(settings: RunnerSettings, watch: ServiceWatch): Service {
  const args = [
    ["--coordinator-url", settings.url],
    ["--token-file", settings.keyFile],
    ["--state-dir", settings.stateDir],
    ["--project-dir", settings.projectDir],
    ["--agents-dir", settings.agentsDir],
    ...(settings.slots === undefined ? [] : [["--slots", String(settings.slots)]]),
    ...(settings.labels.length === 0 ? [] : [["--labels", settings.labels.join(",")]]),
  ];
  return keepService({
    command: RUNNER_PROGRAM,
    args: args.flat(),
    cwd: settings.projectDir,
    env: settings.env,
    ...watch,
  });
}

/** Waits until the coordinator shows a runner as online that `isOurs`. */
export async function waitUntilOnline(
  client: Client,
  service: Service,
  isOurs: (runner: Runner) => boolean,
): Promise<Runner> {
  const over = new AbortController();
  const look = async (): Promise<Runner> => {
    const deadline = performance.now() + ONLINE_MS_MAX;
    while (performance.now() < deadline) {
      const runners = await client.runners.list({ signal: over.signal });
      const online = runners.find((runner) => runner.status === "online" && isOurs(runner));
      if (online !== undefined) return online;
      await sleep(LOOK_EVERY_MS, undefined, { signal: over.signal });
    }
    throw new ParallaxError("timeout", `the runner was not online within ${ONLINE_MS_MAX / 1_000} s`, {
      details: { last_lines: service.lastLines().slice(-10) },
    });
  };
  const refuseEnd = async (): Promise<never> => {
    const exit = await service.ended;
    throw new ParallaxError("spawn_failed", `the runner ended at once ${describeExit(exit)}`, {
      details: { last_lines: service.lastLines().slice(-10) },
    });
  };
  try {
    return await Promise.race([look(), refuseEnd()]);
  } finally {
    over.abort();
  }
}
