/** `parallax up`: a coordinator and a runner on this machine, kept running until Ctrl-C. */
import { join, relative } from "node:path";
import process from "node:process";
import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import { makeDataDir } from "../../auth/make-data-dir.ts";
import { DEFAULT_HOST, DEFAULT_PORT, dataDirOf } from "../connect.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Flags } from "../read-flags.ts";
import type { Io, Style } from "../terminal/io.ts";
import type { LeftRunning } from "./address-file.ts";
import { findLeftRunning, openAddressFile } from "./address-file.ts";
import { openLog } from "./append-log.ts";
import { claimPort } from "./check-port.ts";
import { describeExit } from "./describe-exit.ts";
import { endServices } from "./end-services.ts";
import { formatLogLine, isWorthShowing } from "./format-log-line.ts";
import { installAgents } from "./install-agents.ts";
import type { Service, ServiceExit, ServiceWatch } from "./keep-service.ts";
import type { Stops } from "./listen-for-stops.ts";
import { listenForStops } from "./listen-for-stops.ts";
import { EXECUTORS_DIR } from "./places.ts";
import { printWelcome } from "./print-welcome.ts";
import type { RunningCoordinator } from "./start-coordinator.ts";
import { startCoordinator } from "./start-coordinator.ts";
import { startRunner, waitUntilOnline } from "./start-runner.ts";

export async function runUp(io: Io, flags: Flags): Promise<number> {
  const dataDir = dataDirOf(io, flags);
  const host = flags.text("host") ?? DEFAULT_HOST;
  const left = await findLeftRunning(dataDir);
  const port = await claimPort(host, flags.number("port", { min: 0, max: 65_535 }) ?? DEFAULT_PORT, left);
  const agentsDir = join(dataDir, "agents");
  await openDataDir(dataDir);
  const wanted = (flags.text("with") ?? "").split(",").map((name) => name.trim());
  await installAgents(
    io,
    wanted.filter((name) => name !== ""),
    { executorsDir: EXECUTORS_DIR, agentsDir },
  );

  const address = openAddressFile(dataDir, process.pid);
  const watch = (name: "coordinator" | "runner"): ServiceWatch => ({
    ...watchService(io, name, dataDir, flags.isOn("verbose")),
    onStart: (pid) => address.note(name === "runner" ? { runner_pid: pid } : { pid }),
  });
  const stopping = listenForStops(io);
  io.out(io.paint("dim", "starting the coordinator …"));
  const settings = { host, port, dataDir, cwd: io.cwd, env: io.env };
  const coordinator = await startCoordinator(settings, watch("coordinator")).catch((error: unknown) => {
    throw nameWhoIsInTheWay(error, left);
  });
  address.publish(coordinator.url);
  let runner: Service | null = null;
  try {
    runner = flags.isOn("no-runner") ? null : await startOurRunner(io, flags, coordinator, dataDir, watch("runner"));
    printWelcome(io, { url: coordinator.url, keyFile: coordinator.keyFile, hasRunner: runner !== null });
    const reason = await waitForEnd(io, coordinator.service, runner, stopping);
    return reason === "stop" ? EXIT_CODES.ok : EXIT_CODES.serverError;
  } finally {
    await address.remove();
    await endServices(io, coordinator.service, runner, stopping, { dataDir, env: io.env });
  }
}

function nameWhoIsInTheWay(error: unknown, left: LeftRunning | null): unknown {
  if (left === null || !isParallaxError(error) || error.code !== "data_dir_in_use") return error;
  return new ParallaxError(error.code, error.message, {
    hint: `Stop it (${left.stopCommand}), or choose another directory with --data-dir.`,
    cause: error,
  });
}

async function openDataDir(dataDir: string): Promise<void> {
  try {
    await makeDataDir(dataDir);
  } catch (cause) {
    throw new ParallaxError("data_dir_unusable", `the data directory ${dataDir} cannot be made`, {
      hint: "Name one that this user may write to with --data-dir.",
      cause,
    });
  }
}

function watchService(io: Io, name: string, dataDir: string, isVerbose: boolean): ServiceWatch {
  const log = openLog(join(dataDir, "logs", `${name}.log`));
  return {
    onLine(line) {
      log(line);
      if (isVerbose || isWorthShowing(line)) io.err(formatLogLine(io, name, line));
    },
    onCrash: (exit, restartInMs) =>
      io.err(
        io.paint("yellow", `the ${name} ended ${describeExit(exit)}; it starts again in ${restartInMs / 1_000} s`),
      ),
  };
}

async function startOurRunner(
  io: Io,
  flags: Flags,
  coordinator: RunningCoordinator,
  dataDir: string,
  watch: ServiceWatch,
): Promise<Service> {
  const known = new Set((await coordinator.client.runners.list()).map((runner) => runner.runner_id));
  const service = startRunner(
    {
      url: coordinator.url,
      keyFile: coordinator.keyFile,
      stateDir: join(dataDir, "runner"),
      projectDir: io.cwd,
      agentsDir: join(dataDir, "agents"),
      slots: flags.number("slots", { min: 1, max: 10_000 }),
      labels: [],
      env: io.env,
    },
    watch,
  );
  try {
    // the same state directory brings the same id: after a restart it may be known already
    await waitUntilOnline(
      coordinator.client,
      service,
      (one) => !known.has(one.runner_id) || one.seconds_since_heartbeat < 5,
    );
  } catch (error) {
    if (!isParallaxError(error) || error.code !== "timeout") {
      service.signal("SIGTERM");
      throw error;
    }
    io.err(io.paint("yellow", `${error.message}; see ${relative(io.cwd, join(dataDir, "logs/runner.log"))}`));
  }
  service.confirm();
  return service;
}

async function waitForEnd(
  io: Io,
  coordinator: Service,
  runner: Service | null,
  stops: Stops,
): Promise<"stop" | "ended"> {
  const tell = (name: string, style: Style) => (exit: ServiceExit) => {
    if (stops.level() === 0) io.err(io.paint(style, `the ${name} ended ${describeExit(exit)}`));
  };
  void runner?.ended.then(tell("runner", "yellow"));
  void coordinator.ended.then(tell("coordinator", "red"));
  return Promise.race([stops.first.then(() => "stop" as const), coordinator.ended.then(() => "ended" as const)]);
}
