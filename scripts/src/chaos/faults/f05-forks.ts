/** F5: agents that leave processes behind in every way they know, however they themselves end. */
import type { Fault, Round, Setting } from "../fault.ts";
import { sendSignal } from "../stage/list-processes.ts";
import { chooseBusy, killHost, supervisorsOf } from "./hit.ts";

const FORKING: Setting = { workload: { forks: 1, lateTrees: 0, messages: 0 } };
const FORK_KINDS = ["child", "nohup", "setsid", "double"] as const;

export const forks: Fault = {
  id: "F5",
  title: "processes left behind, also by double forks",
  variants: [
    {
      name: "the agents end by themselves",
      setting: FORKING,
      inject: async (round) => await leaveBehind(round, [{ say: "bye" }]),
    },
    { name: "the agents fail", setting: FORKING, inject: async (round) => await leaveBehind(round, [{ exit: 3 }]) },
    {
      name: "the agents are stopped",
      setting: FORKING,
      inject: async (round) => {
        await leaveBehind(round, [{ hang: true }]);
        const { acknowledged } = round.workload;
        for (const { sessionId } of acknowledged.runs) {
          acknowledged.stopped.add(sessionId);
          await round.stage.fleet.client.sessions.stop(sessionId, { signal: round.signal });
        }
      },
    },
    {
      name: "the supervisors are killed",
      setting: FORKING,
      inject: async (round) => {
        await leaveBehind(round, [{ wait_ms: 2_000 }, { say: "bye" }]);
        for (const { pid } of supervisorsOf(round)) sendSignal(pid, "SIGKILL");
      },
    },
    {
      name: "the host is killed",
      setting: FORKING,
      inject: async (round) => {
        await leaveBehind(round, [{ wait_ms: 2_000 }, { say: "bye" }]);
        const host = await chooseBusy(round);
        await killHost(round, host);
      },
    },
  ],
};

/** One more agent, with every kind of process and its output held open in one; resolves when all of them are there. */
async function leaveBehind(round: Round, then: readonly object[]): Promise<void> {
  const { workload } = round;
  const marker = workload.forkMarker;
  const steps = FORK_KINDS.map((kind) => ({
    fork: { kind, command_seconds: 3_600, marker, hold_output: kind === "setsid" },
  }));
  const line = "${run} ${attempt} 1 ${time} forker";
  await workload.create({ steps: [...steps, { append: { file: workload.ledger, line } }, ...then] });
  await round.until("the forks are there", async () => (await round.effects()).some(({ agent }) => agent === "forker"));
}
