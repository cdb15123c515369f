/** Ends what `up` started, in order: first the runner, by the level of the stop, then the coordinator. */
import type { Io } from "../terminal/io.ts";
import type { Service } from "./keep-service.ts";
import type { Stops } from "./listen-for-stops.ts";

/** Between two signals that must not become one. */
const SIGNAL_GAP_MS = 300;
const COORDINATOR_MS_MAX = 30_000;
const LEAVE_MS_MAX = 5_000;

const WHAT_HAPPENS: Readonly<Record<number, string>> = {
  1: "draining: running runs may finish; Ctrl-C again stops them",
  2: "stopping the runs; Ctrl-C again leaves at once",
  3: "leaving",
};

export async function endServices(io: Io, coordinator: Service, runner: Service | null, stops: Stops): Promise<void> {
  if (runner !== null) {
    runner.release();
    await endRunner(io, runner, stops);
  }
  coordinator.release();
  coordinator.signal("SIGTERM");
  const timer = setTimeout(() => coordinator.signal("SIGKILL"), stops.level() >= 3 ? LEAVE_MS_MAX : COORDINATOR_MS_MAX);
  await coordinator.ended;
  clearTimeout(timer);
}

/** The runner counts Ctrl-C itself: it gets one SIGINT for every level. */
async function endRunner(io: Io, runner: Service, stops: Stops): Promise<void> {
  let told = 0;
  let timer: NodeJS.Timeout | undefined;
  const raise = () => {
    const level = Math.min(3, Math.max(1, stops.level()));
    if (told >= level) return;
    told += 1;
    if (told === level) io.err(io.paint("dim", WHAT_HAPPENS[level] ?? ""));
    runner.signal("SIGINT");
    if (told === 3) setTimeout(() => runner.signal("SIGKILL"), LEAVE_MS_MAX).unref();
    timer = setTimeout(raise, SIGNAL_GAP_MS);
  };
  stops.onChange(raise);
  raise();
  await runner.ended;
  clearTimeout(timer);
}
