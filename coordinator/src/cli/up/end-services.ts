/** Ends what `up` started, in order: first the runner, by the level of the stop, then the coordinator. */
import type { Io } from "../terminal/io.ts";
import type { CoordinatorPlace } from "./end-coordinator.ts";
import { endCoordinator } from "./end-coordinator.ts";
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

export async function endServices(
  io: Io,
  coordinator: Service,
  runner: Service | null,
  stops: Stops,
  place: CoordinatorPlace,
): Promise<void> {
  if (runner !== null) {
    runner.release();
    await endRunner(io, runner, stops);
  }
  const patience = startPatience(stops);
  await endCoordinator(coordinator, place, patience.over);
  patience.cancel();
}

/** How long the coordinator gets; who presses Ctrl-C a third time does not want to wait. */
function startPatience(stops: Stops): { readonly over: Promise<void>; cancel(): void } {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timers = [setTimeout(resolve, COORDINATOR_MS_MAX)];
  const shorten = () => {
    if (stops.level() >= 3) timers.push(setTimeout(resolve, LEAVE_MS_MAX));
  };
  stops.onChange(shorten);
  shorten();
  return { over, cancel: () => timers.forEach(clearTimeout) };
}

/** The runner counts Ctrl-C itself: it gets one SIGINT for every level. */
async function endRunner(io: Io, runner: Service, stops: Stops): Promise<void> {
  let told = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const raise = () => {
    const level = Math.min(3, Math.max(1, stops.level()));
    if (told >= level) return;
    clearTimeout(timer);
    // two signals at once are one to the process that gets them, however fast somebody presses Ctrl-C
    const early = toldAt + SIGNAL_GAP_MS - performance.now();
    if (early > 0) {
      timer = setTimeout(raise, early);
      return;
    }
    toldAt = performance.now();
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
