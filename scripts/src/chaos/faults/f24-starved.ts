/** F24: agents that take the processors or flood their output, and a coordinator that is not scheduled. */
import type { Fault, Round } from "../fault.ts";
import { lostAttempts } from "./hit.ts";

const SPINNING_AGENTS = 4;
const SPIN_MS = 8_000;
const FLOOD_BYTES = 20_000_000;

export const starved: Fault = {
  id: "F24",
  title: "agents that spin or flood, a coordinator that stands still",
  variants: [
    {
      name: "agents spin",
      inject: async (round) => {
        await round.working(1);
        await createAll(round, [{ spin_ms: SPIN_MS }, { say: "spun" }], SPINNING_AGENTS);
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "agents flood",
      inject: async (round) => await createAll(round, [{ output_bytes: FLOOD_BYTES }, { say: "flooded" }], 2),
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "the coordinator stands still for longer than a lease",
      setting: { workload: { linesMin: 60, linesMax: 80 } },
      inject: async (round) => {
        await round.working(3);
        const { coordinator } = round.stage.fleet;
        coordinator.signal("SIGSTOP");
        await round.sleep(20_000);
        coordinator.signal("SIGCONT");
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};

async function createAll(round: Round, steps: readonly object[], count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => round.workload.create({ steps })));
}
