/** The fleet of one round: a coordinator with its own Postgres, runners behind proxies, and nothing of it left afterwards. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Fleet, type RunnerPlace, startFleet } from "../../../e2e/support/fleet.ts";
import type { Process } from "../../../e2e/support/process.ts";
import { endLeftovers, MARKER_VARIABLE } from "../../test-run/leftovers.ts";
import { History } from "../proxy/history.ts";
import { startProxy, type Wire } from "../proxy/start-proxy.ts";
import { limitVariables, SCALED_SUPERVISOR, type ScaledLimits } from "../scaled-limits.ts";
import { Cleanup } from "./cleanup.ts";

/** One runner with everything that stands between it and the coordinator. */
export interface Host {
  readonly name: string;
  readonly proxy: Wire;
  readonly stateDir: string;
  /** The process that is or was running last. */
  runner: Process;
  /** A new process with the same state directory, as a service manager would start it. */
  restart(): Promise<void>;
}

interface HostOptions {
  readonly args?: readonly string[];
  readonly place?: Omit<RunnerPlace, "coordinatorUrl" | "stateDir">;
  /** Where its proxy listens, if the runner is in a network of its own. */
  readonly listenOn?: string;
  readonly stateDir?: string;
}

export interface Stage {
  readonly fleet: Fleet;
  readonly history: History;
  readonly hosts: readonly Host[];
  readonly cleanup: Cleanup;
  addHost(name: string, options?: HostOptions): Promise<Host>;
  host(name: string): Host;
  /** Ends every process of the round and removes its files. */
  close(): Promise<void>;
}

const DIRECTORY_NAME = "parallax-chaos";

export async function openStage(limits: Partial<ScaledLimits>): Promise<Stage> {
  const marker = randomBytes(12).toString("hex");
  const ours = { [MARKER_VARIABLE]: marker };
  const fleet = await startFleet({
    name: DIRECTORY_NAME,
    coordinator: { ...limitVariables(limits), ...ours },
    runner: { PARALLAX_SUPERVISOR_LIMITS: JSON.stringify(SCALED_SUPERVISOR), HEARTBEAT_INTERVAL: "1", ...ours },
  });
  const history = new History();
  const hosts: Host[] = [];
  const cleanup = new Cleanup();
  const addHost: Stage["addHost"] = async (name, options = {}) => {
    const listenOn = options.listenOn === undefined ? {} : { listenOn: options.listenOn };
    const proxy = await startProxy({ host: name, target: () => fleet.url, history, ...listenOn });
    cleanup.add(() => proxy.close());
    const stateDir = options.stateDir ?? join(fleet.directory, `state-${name}`);
    const place = { ...options.place, coordinatorUrl: proxy.url, stateDir };
    const start = (): Promise<Process> =>
      fleet.startRunner(name, ["--poll-timeout", "5", ...(options.args ?? [])], place);
    const host: Host = {
      name,
      proxy,
      stateDir,
      runner: await start(),
      restart: async () => {
        host.runner = await start();
      },
    };
    hosts.push(host);
    return host;
  };
  return {
    fleet,
    history,
    hosts,
    cleanup,
    addHost,
    host: (name) => {
      const found = hosts.find((host) => host.name === name);
      if (found === undefined) throw new Error(`there is no host ${name}`);
      return found;
    },
    close: async () => {
      // Killed, not stopped: some of it may be frozen, cut off or without a disk.
      await endLeftovers({ marker, folder: fleet.directory }, 0);
      try {
        await cleanup.run();
      } finally {
        await fleet.close();
      }
    },
  };
}
