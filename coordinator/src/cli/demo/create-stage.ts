/** Everything the demonstration runs on: a directory, a coordinator and two runners of its own. Closing leaves nothing behind. */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runner } from "@parallax/shared/protocol/runners";
import type { Client } from "@parallax/shared/sdk/client";
import type { Environment } from "../terminal/io.ts";
import { claimPort } from "../up/check-port.ts";
import { endCoordinator } from "../up/end-coordinator.ts";
import type { Service } from "../up/keep-service.ts";
import type { RunningCoordinator } from "../up/start-coordinator.ts";
import { startCoordinator } from "../up/start-coordinator.ts";
import { startRunner, waitUntilOnline } from "../up/start-runner.ts";
import { LEAD_SESSION } from "./demo-agents.ts";
import { removeDatabase } from "./remove-database.ts";

const COORDINATOR = "coordinator";
const STOP_MS_MAX = 5_000;
const HOST = "127.0.0.1";
const SLOTS = 2;
const END_MS_MAX = 15_000;
const SIGNAL_GAP_MS = 300;

export interface Stage {
  readonly dir: string;
  startCoordinator(): Promise<{ readonly client: Client; readonly url: string }>;
  /** Null before the coordinator is up. */
  client(): Client | null;
  /** Starts a runner; a name that ran before comes back with its identity and takes over what it left. */
  startRunner(name: string): Promise<Runner>;
  killRunner(name: string): Promise<number | undefined>;
  /** The newest log lines of every process, for a failure. */
  lastLines(): ReadonlyMap<string, readonly string[]>;
  /** Whatever was started is ended, whatever was written is removed. */
  close(): Promise<void>;
}

export function createStage(env: Environment, onLine: (name: string, line: string) => void): Stage {
  const dir = mkdtempSync(join(tmpdir(), "parallax-demo-"));
  const clean = { ...cleanEnvironment(env), PARALLAX_TEST_AGENT_HOME: join(dir, "agent-home") };
  const services = new Map<string, Service>();
  const watch = (name: string) => ({ onLine: (line: string) => onLine(name, line), onCrash: () => {} });
  let coordinator: RunningCoordinator | null = null;

  return {
    dir,
    client: () => coordinator?.client ?? null,
    lastLines: () => new Map([...services].map(([name, service]) => [name, service.lastLines()])),
    async startCoordinator() {
      const port = await claimPort(HOST, 0);
      const settings = { host: HOST, port, dataDir: dir, cwd: dir, env: clean };
      coordinator = await startCoordinator(
        settings,
        watch(COORDINATOR),
        (service) => void services.set(COORDINATOR, service),
      );
      return coordinator;
    },
    async startRunner(name) {
      if (coordinator === null) throw new Error("the coordinator comes first");
      const { client, url, keyFile } = coordinator;
      const before = new Map((await client.runners.list()).map((runner) => [runner.runner_id, runner.last_heartbeat]));
      const settings = { url, keyFile, stateDir: join(dir, name), projectDir: dir, agentsDir: join(dir, "agents") };
      const service = startRunner({ ...settings, slots: SLOTS, labels: [name], env: clean }, watch(name));
      services.set(name, service);
      // of the same name only one is alive: whoever is heard now is the new one
      const isNew = (runner: Runner) => before.get(runner.runner_id) !== runner.last_heartbeat;
      return waitUntilOnline(client, service, (runner) => runner.tags.includes(name) && isNew(runner));
    },
    async killRunner(name) {
      const service = services.get(name);
      const pid = service?.pid();
      service?.signal("SIGKILL");
      await service?.ended;
      return pid;
    },
    async close() {
      await coordinator?.client.sessions
        .stop(LEAD_SESSION, { signal: AbortSignal.timeout(STOP_MS_MAX) })
        .catch(() => {});
      const runners = [...services].filter(([name]) => name !== COORDINATOR);
      await Promise.all(runners.map(([, service]) => endService(service, ["SIGINT", "SIGINT", "SIGKILL"])));
      const last = services.get(COORDINATOR);
      if (last !== undefined) {
        const patience = new AbortController();
        const isOver = sleep(END_MS_MAX, undefined, { signal: patience.signal }).catch(() => {});
        await endCoordinator(last, { dataDir: dir, env: clean }, isOver);
        patience.abort();
      }
      await removeDatabase(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
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
