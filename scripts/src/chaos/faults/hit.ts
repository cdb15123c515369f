/** What faults have in common: whom to hit, and when. */
import type { Round } from "../fault.ts";
import { type FleetProcess, listFleetProcesses, sendSignal } from "../stage/list-processes.ts";
import type { Host } from "../stage/open-stage.ts";

/** At a random moment while agents are at work, a host that has some of them. */
export async function chooseBusy(round: Round): Promise<Host> {
  await round.working(2);
  await round.sleep(round.random.int(0, 3_000));
  const busy = new Set(supervisorsOf(round).map(({ host }) => host));
  const hosts = round.stage.hosts.filter(({ name }) => busy.has(name));
  const host = round.random.pick(hosts.length > 0 ? hosts : round.stage.hosts);
  round.note(`host ${host.name} is hit`);
  return host;
}

export function supervisorsOf(round: Round, host?: Host): FleetProcess[] {
  return listFleetProcesses(round.stage.fleet.directory).filter(
    (found) => found.kind === "supervisor" && (host === undefined || found.host === host.name),
  );
}

/** Everything that runs for these attempts, agents and our own helpers. */
export function treesOf(round: Round, supervisors: readonly FleetProcess[]): FleetProcess[] {
  const attempts = new Set(supervisors.map(keyOf));
  return listFleetProcesses(round.stage.fleet.directory).filter(
    (found) => found.kind === "agent" && attempts.has(keyOf(found)),
  );
}

export function keyOf({ runId, attempt }: Pick<FleetProcess, "runId" | "attempt">): string {
  return `${runId}-${attempt}`;
}

export function signalAll(processes: readonly Pick<FleetProcess, "pid">[], signal: NodeJS.Signals): void {
  for (const { pid } of processes) sendSignal(pid, signal);
}

/** The runner first: it would see its supervisors die. */
export async function killHost(round: Round, host: Host): Promise<void> {
  await host.runner.stop("SIGKILL");
  signalAll(supervisorsOf(round, host), "SIGKILL");
}

/** What every fault promises that takes no supervisor away: nothing had to be done twice. */
export function lostAttempts(facts: {
  readonly attempts: readonly { runId: string; attempt: number; endReason: string | null }[];
}): string[] {
  return facts.attempts
    .filter(({ endReason }) => endReason === "lost")
    .map(({ runId, attempt }) => `${runId} attempt ${attempt} was lost, which this fault gives no reason for`);
}
