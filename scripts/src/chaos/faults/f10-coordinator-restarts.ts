/** F10: the coordinator dies and comes back, at any moment and at the worst one. */
import type { Fault } from "../fault.ts";
import { lostAttempts } from "./hit.ts";

const CRASHES = 5;

export const coordinatorRestarts: Fault = {
  id: "F10",
  title: "the coordinator is killed and started again",
  variants: [
    {
      name: "again and again",
      setting: { workload: { trees: 3, lateTrees: 3, messages: 4, linesMin: 20, linesMax: 40 } },
      inject: async (round) => {
        await round.working(2);
        for (let crash = 0; crash < CRASHES; crash += 1) {
          await round.sleep(round.random.int(200, 2_500));
          round.note(`crash ${crash + 1}`);
          await round.stage.fleet.crashCoordinator();
        }
      },
      // Nothing is said of lost attempts: with a lease of seconds, a supervisor that waits up to five between two tries may miss every
      // short moment in which somebody answers. With the lease of production it has eighteen tries.
    },
    {
      name: "between an accepted result and its answer",
      setting: { workload: { stops: 0 } },
      inject: async (round) => {
        const { fleet, hosts } = round.stage;
        let crashes = 0;
        let crashing: Promise<void> | undefined;
        for (const { proxy } of hosts) {
          proxy.onAnswer = async (call, status) => {
            if (call.kind !== "completed" || status !== 200 || crashes >= CRASHES || crashing !== undefined) return;
            crashes += 1;
            crashing = fleet.crashCoordinator().finally(() => {
              crashing = undefined;
            });
            await crashing;
          };
          proxy.losesAnswer = (call, status) => call.kind === "completed" && status === 200 && crashes < CRASHES;
        }
        await round.until(`${CRASHES} crashes`, () => crashes >= CRASHES && crashing === undefined);
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "stopped for longer than a lease",
      setting: { workload: { linesMin: 60, linesMax: 80 } },
      inject: async (round) => {
        await round.working(3);
        await round.stage.fleet.coordinator.stop("SIGKILL");
        await round.sleep(20_000);
        await round.stage.fleet.startCoordinator();
      },
      // leases do not run out in an outage of the coordinator's own
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};
