/** Everything the demonstration runs on: a directory, a coordinator and two runners of its own. Closing leaves nothing behind. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runner } from "@parallax/shared/protocol/runners";
import type { Client } from "@parallax/shared/sdk/client";
import type { Environment } from "../terminal/io.ts";
import { claimPort } from "../up/check-port.ts";
import type { Service } from "../up/keep-service.ts";
import { startCoordinator } from "../up/start-coordinator.ts";
import { startRunner, waitUntilOnline } from "../up/start-runner.ts";

const HOST = "127.0.0.1";
const SLOTS = 2;
const END_MS_MAX = 15_000;
const SIGNAL_GAP_MS = 300;

export interface Stage {
  readonly dir: string;
  readonly url: string;
  readonly client: Client;
  /** Starts a runner; a name that ran before comes back with its identity and takes over what it left. */
  startRunner(name: string): Promise<Runner>;
  killRunner(name: string): Promise<number | undefined>;
  /** The newest log lines of every process, for a failure. */
  lastLines(): ReadonlyMap<string, readonly string[]>;
  close(): Promise<void>;
}

export async function openStage(env: Environment, onLine: (name: string, line: string) => void): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "parallax-demo-"));
  const clean = { ...cleanEnvironment(env), PARALLAX_TEST_AGENT_HOME: join(dir, "agent-home") };
  const services = new Map<string, Service>();
  const watch = (name: string) => ({ onLine: (line: string) => onLine(name, line), onCrash: () => {} });
  const close = async () => {
    for (const [name, service] of services)
      if (name !== "coordinator") await endService(service, ["SIGINT", "SIGINT", "SIGKILL"]);
    const coordinator = services.get("coordinator");
    if (coordinator !== undefined) await endService(coordinator, ["SIGTERM", "SIGKILL"]);
    await rm(dir, { recursive: true, force: true });
  };

  try {
    const port = await claimPort(HOST, 0);
    const started = await startCoordinator(
      { host: HOST, port, dataDir: dir, cwd: dir, env: clean },
      watch("coordinator"),
      (service) => void services.set("coordinator", service),
    );
    const { client, url, keyFile } = started;
    return {
      dir,
      url,
      client,
      close,
      lastLines: () => new Map([...services].map(([name, service]) => [name, service.lastLines()])),
      async startRunner(name) {
        const before = new Map((await client.runners.list()).map((runner) => [runner.runner_id, runner.registered_at]));
        const settings = { url, keyFile, stateDir: join(dir, name), projectDir: dir, agentsDir: join(dir, "agents") };
        const service = startRunner({ ...settings, slots: SLOTS, labels: [name], env: clean }, watch(name));
        services.set(name, service);
        const isNew = (runner: Runner) => before.get(runner.runner_id) !== runner.registered_at;
        return waitUntilOnline(client, service, (runner) => runner.tags.includes(name) && isNew(runner));
      },
      async killRunner(name) {
        const service = services.get(name);
        const pid = service?.pid();
        service?.signal("SIGKILL");
        await service?.ended;
        return pid;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Somebody's own settings must not reach the demonstration: not their database, not their agents' limits. */
function cleanEnvironment(env: Environment): Environment {
  const own = /^(PARALLAX_|AGENT_|DATABASE_URL$|REDIS_URL$|PROJECT_DIR$|POLL_TIMEOUT$|HEARTBEAT_INTERVAL$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.test(name)));
}

/** One signal after the other until it has ended; the last one gets no answer but the end. */
async function endService(service: Service, signals: readonly NodeJS.Signals[]): Promise<void> {
  service.release();
  for (const [index, signal] of signals.entries()) {
    service.signal(signal);
    const isFirstOfTwo = signals[index + 1] === signal;
    if (await endsWithin(service, isFirstOfTwo ? SIGNAL_GAP_MS : END_MS_MAX)) return;
  }
  await service.ended;
}

async function endsWithin(service: Service, durationMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), durationMs);
  const ended = service.ended.then(() => true);
  return Promise.race([ended, promise]).finally(() => clearTimeout(timer));
}
