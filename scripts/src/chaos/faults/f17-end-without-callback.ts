/** F17: the coordinator dies in the moment in which a child's end is committed, before anybody was woken by it. */
import postgres from "postgres";
import type { Fault, Round } from "../fault.ts";
import { lostAttempts } from "./hit.ts";

const CRASHES = 4;

export const endWithoutCallback: Fault = {
  id: "F17",
  title: "the coordinator is killed at a child's end",
  variants: [
    {
      name: "as soon as the end is in the database",
      setting: { workload: { trees: 3, childrenMin: 2, childrenMax: 3, linesMin: 4, linesMax: 12, messages: 0 } },
      inject: async (round) => {
        for (let crash = 0; crash < CRASHES; crash += 1) {
          if (!(await nextEnd(round))) break;
          round.note(`crash ${crash + 1}`);
          await round.stage.fleet.crashCoordinator();
        }
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};

/** Resolves with the commit of the next end of a child; false when none came. Asks without a pause: the moment is short. */
async function nextEnd(round: Round): Promise<boolean> {
  const sql = postgres(await round.stage.fleet.databaseUrl(), { max: 1, onnotice: () => undefined });
  const count = async (): Promise<number> => {
    const [row] = await sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM runs WHERE parent_session_id IS NOT NULL AND state IN ('completed', 'failed', 'stopped')`;
    return row?.n ?? 0;
  };
  try {
    const before = await count();
    const deadline = performance.now() + 30_000;
    while (performance.now() < deadline) {
      round.signal.throwIfAborted();
      if ((await count()) === before) continue;
      round.stage.fleet.coordinator.signal("SIGKILL");
      return true;
    }
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
