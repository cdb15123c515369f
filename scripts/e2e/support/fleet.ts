/**
 * A whole fleet of real processes for end-to-end tests: a coordinator with its own embedded Postgres, runners, and the means to kill each
 * of them. Nothing is shared with other fleets; everything is gone after close().
 */
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@parallax/shared/sdk/client";
import { readDatabaseUrl } from "./database-url.ts";
import { findPostmaster, findSupervisors, killEverythingOf } from "./find-processes.ts";
import { type Process, startProcess } from "./process.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning"];

export interface FleetOptions {
  /** Beginning of the directory's name. */
  readonly name?: string;
  /** More variables of the coordinator's environment, e.g. limits. */
  readonly coordinator?: Readonly<Record<string, string>>;
  /** More variables of the runners' environment, e.g. ANTHROPIC_BASE_URL. */
  readonly runner?: Readonly<Record<string, string>>;
  readonly agentsDir?: string;
}

/** How one runner differs from the others. */
export interface RunnerPlace {
  /** What it takes for the coordinator; a proxy, say. */
  readonly coordinatorUrl?: string;
  /** Put in front of its command line: it must end by executing the rest in the same process. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stateDir?: string;
}

export interface Fleet {
  readonly directory: string;
  readonly projectDir: string;
  readonly home: string;
  readonly url: string;
  readonly client: Client;
  readonly coordinator: Process;
  startRunner(name?: string, args?: readonly string[], place?: RunnerPlace): Promise<Process>;
  /** kill -9 of a runner; its supervisors live on. */
  killRunner(name: string): Promise<void>;
  /** kill -9 of every supervisor of this fleet. */
  killSupervisors(): Promise<void>;
  /** kill -9 and a new process on the same port and data directory. */
  crashCoordinator(): Promise<void>;
  stopCoordinator(): Promise<void>;
  startCoordinator(): Promise<void>;
  /** Another process on the same data directory, not waited for. */
  startSecondCoordinator(): Process;
  /** kill -9 of the postmaster of this fleet. */
  killPostgres(): Promise<void>;
  key(): Promise<string>;
  /** Of the embedded Postgres, with its password. */
  databaseUrl(): Promise<string>;
  /** Every process's last words, for a failing test. */
  dump(): string;
  close(): Promise<void>;
}

export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), `${options.name ?? "parallax-e2e"}-`));
  // as root the embedded Postgres runs as another user, who must be able to enter
  await chmod(directory, 0o755);
  const [projectDir, home] = [join(directory, "project"), join(directory, "home")];
  await Promise.all([mkdir(projectDir), mkdir(home)]);
  return await FleetProcesses.start(directory, projectDir, home, options);
}

class FleetProcesses implements Fleet {
  readonly directory: string;
  readonly projectDir: string;
  readonly home: string;
  readonly #options: FleetOptions;
  readonly #runners: Process[] = [];
  readonly #past: Process[] = [];
  #coordinator: Process | null = null;
  #url = "";
  #client: Client | null = null;
  #port = "0";

  private constructor(directory: string, projectDir: string, home: string, options: FleetOptions) {
    this.directory = directory;
    this.projectDir = projectDir;
    this.home = home;
    this.#options = options;
  }

  static async start(directory: string, projectDir: string, home: string, options: FleetOptions): Promise<Fleet> {
    const fleet = new FleetProcesses(directory, projectDir, home, options);
    try {
      await fleet.startCoordinator();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  get url(): string {
    return this.#url;
  }
  get client(): Client {
    if (this.#client === null) throw new Error("the coordinator was not started");
    return this.#client;
  }
  get coordinator(): Process {
    if (this.#coordinator === null) throw new Error("the coordinator is not running");
    return this.#coordinator;
  }
  get #dataDir(): string {
    return join(this.directory, "data");
  }

  async key(): Promise<string> {
    return (await readFile(join(this.#dataDir, "admin.key"), "utf8")).trim();
  }

  async databaseUrl(): Promise<string> {
    return await readDatabaseUrl(this.#dataDir);
  }

  async startCoordinator(): Promise<void> {
    const process = this.#spawnCoordinator(this.#port);
    this.#coordinator = process;
    const [, url] = await process.line(/"url":"(http:[^"]+)".*"coordinator ready"/, 60_000);
    this.#url = url ?? "";
    this.#port = new URL(this.#url).port;
    this.#client = createClient({ baseUrl: this.#url, key: await this.key() });
  }

  startSecondCoordinator(): Process {
    const process = this.#spawnCoordinator("0");
    this.#past.push(process);
    return process;
  }

  #spawnCoordinator(port: string): Process {
    return startProcess("coordinator", nodePath(), [...NODE_FLAGS, join(ROOT, "coordinator/src/main.ts")], {
      ...plainEnv(this.home),
      PARALLAX_PORT: port,
      PARALLAX_DATA_DIR: this.#dataDir,
      PARALLAX_SYSTEM_DIR: join(this.directory, "system"),
      ...this.#options.coordinator,
    });
  }

  async stopCoordinator(): Promise<void> {
    await this.coordinator.stop("SIGTERM");
    this.#past.push(this.coordinator);
    this.#coordinator = null;
  }

  async crashCoordinator(): Promise<void> {
    await this.coordinator.stop("SIGKILL");
    this.#past.push(this.coordinator);
    await this.startCoordinator();
  }

  async killPostgres(): Promise<void> {
    process.kill(await findPostmaster(this.directory), "SIGKILL");
  }

  async killRunner(name: string): Promise<void> {
    for (const runner of this.#runners) if (runner.name === name) await runner.stop("SIGKILL");
  }

  async killSupervisors(): Promise<void> {
    for (const pid of await findSupervisors(this.directory)) process.kill(pid, "SIGKILL");
  }

  async startRunner(name = "runner", args: readonly string[] = [], place: RunnerPlace = {}): Promise<Process> {
    const stateDir = place.stateDir ?? join(this.directory, `state-${name}`);
    await mkdir(stateDir, { recursive: true });
    const { agentsDir } = this.#options;
    const flags = ["-c", place.coordinatorUrl ?? this.#url, "--state-dir", stateDir];
    flags.push("--token-file", join(this.#dataDir, "admin.key"), "--project-dir", this.projectDir, "--slots", "10");
    if (agentsDir !== undefined) flags.push("--agents-dir", agentsDir);
    const line = [nodePath(), ...NODE_FLAGS, join(ROOT, "runner/src/main.ts"), ...flags, ...args];
    const [command = nodePath(), ...rest] = [...(place.through ?? []), ...line];
    const process = startProcess(name, command, rest, {
      ...plainEnv(this.home),
      ...this.#options.runner,
      ...place.env,
    });
    this.#runners.push(process);
    await process.line(/[Rr]egistered/, 30_000);
    return process;
  }

  dump(): string {
    const all = [...this.#past, ...(this.#coordinator === null ? [] : [this.#coordinator]), ...this.#runners];
    return all
      .map((process) => `--- ${process.name} ${process.pid}\n${process.output.slice(-60).join("\n")}`)
      .join("\n");
  }

  async close(): Promise<void> {
    for (const process of [...this.#runners, ...this.#past]) await process.stop("SIGKILL");
    if (this.#coordinator !== null) await this.#coordinator.stop("SIGTERM");
    await killEverythingOf(this.directory);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function nodePath(): string {
  return process.execPath;
}

/** A small, explicit environment: nothing of the machine's own agents, keys or sandboxes reaches the system under test. */
function plainEnv(home: string): Record<string, string> {
  const { PATH, TMPDIR, PARALLAX_TEST_RUN } = process.env;
  return {
    PATH: PATH ?? "/usr/bin:/bin",
    HOME: home,
    LANG: "C.UTF-8",
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    ...(PARALLAX_TEST_RUN === undefined ? {} : { PARALLAX_TEST_RUN }),
  };
}
