/** F1: kill -9 of what stands between the coordinator and the agents. */
import type { Fault, Round } from "../fault.ts";
import { listFleetProcesses, sendSignal } from "../stage/list-processes.ts";
import type { Host } from "../stage/open-stage.ts";

const RESTART_AFTER_MS = 2_000;

export const killedProcesses: Fault = {
  id: "F1",
  title: "kill -9 of runner and supervisor",
  variants: [
    {
      name: "runner, comes back",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await host.runner.stop("SIGKILL");
        await round.sleep(RESTART_AFTER_MS);
        await host.restart();
      },
      // the supervisors went on alone and were adopted
      judge: (_round, facts) =>
        facts.attempts
          .filter(({ endReason }) => endReason === "lost")
          .map(({ runId, attempt }) => `${runId} attempt ${attempt} was lost although its supervisor lived`),
    },
    {
      name: "runner with its supervisors, stays dead",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await killHost(round, host);
      },
    },
    {
      name: "runner with its supervisors, comes back",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await killHost(round, host);
        await round.sleep(RESTART_AFTER_MS);
        await host.restart();
      },
    },
    {
      name: "supervisors alone",
      inject: async (round) => {
        await chooseBusy(round);
        const supervisors = listFleetProcesses(round.stage.fleet.directory).filter(({ kind }) => kind === "supervisor");
        for (const { pid, runId } of round.random.shuffled(supervisors).slice(0, 2)) {
          round.note(`killing the supervisor of ${runId}`);
          sendSignal(pid, "SIGKILL");
        }
      },
    },
    {
      name: "runner, stays dead",
      inject: async (round) => {
        const host = await chooseBusy(round);
        await host.runner.stop("SIGKILL");
      },
    },
  ],
};

/** At a random moment while agents are at work, a host that has some of them. */
export async function chooseBusy(round: Round): Promise<Host> {
  await round.working(2);
  await round.sleep(round.random.int(0, 3_000));
  const busy = new Set(
    listFleetProcesses(round.stage.fleet.directory)
      .filter(({ kind }) => kind === "supervisor")
      .map(({ host }) => host),
  );
  const hosts = round.stage.hosts.filter(({ name }) => busy.has(name));
  const host = round.random.pick(hosts.length > 0 ? hosts : round.stage.hosts);
  round.note(`host ${host.name} is hit`);
  return host;
}

async function killHost(round: Round, host: Host): Promise<void> {
  // The runner first: it would see its supervisors die.
  await host.runner.stop("SIGKILL");
  for (const { pid, kind, host: name } of listFleetProcesses(round.stage.fleet.directory)) {
    if (kind === "supervisor" && name === host.name) sendSignal(pid, "SIGKILL");
  }
}
