/** The runner's process: `runner/runner` starts it. The only file here that reads the environment and hears signals. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@parallax/shared/clock";
import { isParallaxError } from "@parallax/shared/errors";
import { randomIds } from "@parallax/shared/ids";
import { LiveAttempts } from "./attempts/live-attempts.ts";
import { helpText } from "./command-line.ts";
import { loadConfig, type RunnerConfig } from "./config.ts";
import type { RunnerDeps } from "./deps.ts";
import { chooseExecutors, detectExecutors } from "./executors/detect-executors.ts";
import { createHttpClient } from "./http/http-client.ts";
import { openStateDir } from "./identity/open-state-dir.ts";
import { readToken } from "./identity/read-token.ts";
import { createRunnerLog, type RunnerLog } from "./log.ts";
import { Readiness } from "./readiness/readiness.ts";
import { registerRunner } from "./register-runner.ts";
import { type RunnerControl, runRunner } from "./run-runner.ts";
import { createRunnerClient } from "./runner-client.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const command = loadConfig(process.argv.slice(2), process.env, process.cwd());
  if (command.kind === "help") {
    process.stdout.write(helpText());
    return 0;
  }
  const { config } = command;
  const output = command.kind === "list" ? process.stderr : process.stdout;
  const log = createRunnerLog(output, config.verbose);
  if (command.kind === "list") return await listExecutors(config, log);
  return await serve(config, log);
}

async function listExecutors(config: RunnerConfig, log: RunnerLog): Promise<number> {
  for (const { name, detection } of await detectExecutors({ env: process.env, agentsDir: config.agentsDir }, log)) {
    const state = detection.found
      ? `${detection.version}  ${detection.path}`
      : `not found: ${detection.reason} ${detection.fix}`;
    process.stdout.write(`${name.padEnd(16)} ${state}\n`);
  }
  return 0;
}

async function serve(config: RunnerConfig, log: RunnerLog): Promise<number> {
  const { runnerId, stateDir } = await openStateDir(config.stateDir, randomIds);
  const context = { env: process.env, agentsDir: config.agentsDir };
  const { served: executors, missing } = await chooseExecutors(config.executor, context, log);
  const http = createHttpClient(process.env);
  const client = createRunnerClient(http, config.coordinatorUrl, readToken(config));
  const instanceId = randomIds.make("instance");
  const exiting = new AbortController();
  const signals = hearSignals(log, () => exiting.abort());
  const readiness = new Readiness({ stateDir, minFreeBytes: config.minFreeBytes, context }, executors);
  await readiness.look();
  const registration = {
    config,
    client,
    log,
    runnerId,
    instanceId,
    executors,
    missing,
    readiness,
    version: ownVersion(),
  };
  log.info({ url: config.coordinatorUrl }, "Connecting to the coordinator");
  await registerRunner(registration, AbortSignal.any([exiting.signal, signals.first]));
  if (signals.first.aborted) return 0;
  const deps: RunnerDeps = {
    config: { ...config, stateDir },
    env: process.env,
    clock: systemClock,
    ids: randomIds,
    log,
    http,
    client,
    runnerId,
    instanceId,
    attempts: new LiveAttempts(),
    executors,
    readiness,
    supervisorSpawn: { env: process.env, compileCacheDir: join(stateDir, "compile-cache") },
    reregister: shareCalls(async () => {
      try {
        await registerRunner(registration, exiting.signal);
      } catch (error) {
        // A key that is refused now may be right later; the runs that are here go on meanwhile.
        log.error({ err: error }, "The coordinator refuses this runner");
      }
    }),
    exiting: exiting.signal,
  };
  return await runRunner(deps, signals.attach);
}

interface Signals {
  /** Aborted by the first signal. */
  readonly first: AbortSignal;
  attach(control: RunnerControl): void;
}

/** First drain, then stop the runs, then exit: their supervisors are detached and go on. */
function hearSignals(log: RunnerLog, exit: () => void): Signals {
  const first = new AbortController();
  let control: RunnerControl | null = null;
  let heard = 0;
  const onSignal = (name: string): void => {
    heard += 1;
    first.abort();
    if (heard === 1) control?.drain(name);
    if (heard === 2) control?.stopRuns(`${name} at the runner`);
    if (heard === 3) {
      log.warn({ signal: name }, "Exiting at once");
      exit();
    }
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => onSignal(name));
  return {
    first: first.signal,
    attach: (attached) => {
      control = attached;
    },
  };
}

function shareCalls(call: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | null = null;
  return () => {
    current ??= call().finally(() => {
      current = null;
    });
    return current;
  };
}

function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String((manifest as { version?: unknown }).version ?? "unknown");
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = isParallaxError(error);
  const hint = known && error.hint !== undefined ? `\n${error.hint}` : "";
  process.stderr.write(
    known
      ? `runner: ${error.message} (${error.code})${hint}\n`
      : `runner: ${String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exitCode = known && error.code === "config_invalid" ? EXIT_USAGE : EXIT_FAILED;
}
process.exit();
