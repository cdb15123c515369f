import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { killByMarker } from "../supervisor/process-tree/kill-by-marker.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";
import type { FakeLease } from "./fake-run.ts";
import { endSupervisors, findSupervisorsBelow } from "./find-supervisors.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** A runner's process, real but for the coordinator behind it. */
interface RunningRunner {
  readonly child: ChildProcess;
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Kills it as a crash would. */
  crash(): Promise<void>;
  exited(): Promise<number | null>;
}

export interface RunnerBench extends AsyncDisposable {
  readonly coordinator: FakeCoordinator;
  /** Of its own, for what is not below `dir`. */
  readonly name: string;
  readonly dir: string;
  readonly stateDir: string;
  readonly projectDir: string;
  startRunner(args?: readonly string[], env?: Readonly<Record<string, string>>): RunningRunner;
  /** Another one on the same host, with a state directory of its own. */
  startNeighbour(args?: readonly string[]): RunningRunner;
}

/** A coordinator, a state directory and whatever runners a test starts; disposing it leaves no process and no file. */
export async function openBench(lease: Partial<FakeLease> = {}): Promise<RunnerBench> {
  const coordinator = await FakeCoordinator.start(lease);
  const dir = mkdtempSync(join(tmpdir(), "parallax-runner-test-"));
  const stateDir = join(dir, "state");
  const neighbourDir = join(dir, "neighbour");
  const runners: RunningRunner[] = [];
  return {
    coordinator,
    name: basename(dir),
    dir,
    stateDir,
    projectDir: dir,
    startRunner: (args = [], env = {}) => {
      const runner = startRunner(coordinator.url, stateDir, dir, args, env);
      runners.push(runner);
      return runner;
    },
    startNeighbour: (args = []) => {
      const runner = startRunner(coordinator.url, neighbourDir, dir, args, {});
      runners.push(runner);
      return runner;
    },
    [Symbol.asyncDispose]: async () => {
      for (const runner of runners) await runner.crash();
      const markers = [...(await endSupervisors(stateDir)), ...(await endSupervisors(neighbourDir))];
      for (const marker of markers) await killByMarker(marker);
      // Those of a state directory that a test has put elsewhere below.
      for (const pid of findSupervisorsBelow(dir)) process.kill(pid, "SIGKILL");
      await coordinator.down();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function startRunner(
  url: string,
  stateDir: string,
  dir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningRunner {
  const flags = ["-c", url, "-x", "test", "-p", dir, "--state-dir", stateDir, "-v", "--heartbeat-interval", "0.5"];
  const child = spawn(process.execPath, [MAIN, ...flags, ...args], {
    cwd: dir,
    env: { PATH: process.env["PATH"], HOME: dir, PARALLAX_TEST_AGENT_HOME: join(dir, "agent-home"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    output += String(chunk);
  });
  const exit = once(child, "exit");
  return {
    child,
    output: () => output,
    signal: (name) => child.kill(name),
    crash: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exit;
    },
    exited: async () => {
      await exit;
      return child.exitCode;
    },
  };
}
