/** F11: the queue forgets everything. It holds hints and timers only; Redis, which can hold them too, is played when the fleet speaks to it. */
import postgres from "postgres";
import type { Fault, Round } from "../fault.ts";
import { lostAttempts } from "./hit.ts";

const WIPES = 8;

export const queueWiped: Fault = {
  id: "F11",
  title: "the queue is wiped under load",
  variants: [
    {
      name: "again and again",
      setting: { workload: { trees: 2, lateTrees: 4, messages: 4 } },
      inject: async (round) => await wipe(round, WIPES, [100, 1_500]),
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "all the time",
      setting: { workload: { trees: 2, lateTrees: 2, messages: 2 } },
      inject: async (round) => await wipe(round, 60, [50, 150]),
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};

async function wipe(round: Round, times: number, pauseMs: readonly [number, number]): Promise<void> {
  const sql = postgres(await round.stage.fleet.databaseUrl(), { max: 1, onnotice: () => undefined });
  try {
    const tables = await sql<{ name: string }[]>`
      SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq' AND tablename NOT LIKE '%migration%'`;
    if (tables.length === 0) throw new Error("there is no queue to wipe");
    for (let done = 0; done < times; done += 1) {
      await round.sleep(round.random.int(...pauseMs));
      await sql.unsafe(`TRUNCATE ${tables.map(({ name }) => name).join(", ")} CASCADE`);
    }
    round.note(`wiped ${tables.length} tables ${times} times`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
