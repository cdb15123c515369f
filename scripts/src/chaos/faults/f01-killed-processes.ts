/** F1: kill -9 of what stands between the coordinator and the agents. */
import type { Fault } from "../fault.ts";
import { sendSignal } from "../stage/list-processes.ts";
import { chooseBusy, killHost, lostAttempts, supervisorsOf } from "./hit.ts";

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
      judge: (_round, facts) => lostAttempts(facts),
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
        for (const { pid, runId } of round.random.shuffled(supervisorsOf(round)).slice(0, 2)) {
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
