/** F25: the coordinator is started again right after it has acknowledged an end. */
import type { Fault } from "../fault.ts";
import { lostAttempts } from "./hit.ts";

const CRASHES = 4;

export const restartAfterEnd: Fault = {
  id: "F25",
  title: "a restart right after an acknowledged end",
  variants: [
    {
      name: "of the coordinator",
      inject: async (round) => {
        const { fleet, hosts } = round.stage;
        let crashes = 0;
        let crashing: Promise<void> | undefined;
        for (const { proxy } of hosts) {
          proxy.onAnswer = (call, status) => {
            if (call.kind !== "completed" || status !== 200 || crashes >= CRASHES || crashing !== undefined) return;
            crashes += 1;
            // the answer is on its way already
            crashing = round
              .sleep(round.random.int(0, 20))
              .then(async () => await fleet.crashCoordinator())
              .finally(() => {
                crashing = undefined;
              });
            crashing.catch(() => undefined);
            return;
          };
        }
        await round.until(`${CRASHES} restarts`, () => crashes >= CRASHES && crashing === undefined);
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};
