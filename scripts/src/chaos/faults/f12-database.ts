/** F12: Postgres dies, is stopped at once, drops its connections, or does not move. */
import postgres from "postgres";
import { findPostmaster } from "../../../e2e/support/find-processes.ts";
import type { Fault, Round } from "../fault.ts";
import { listClusterProcesses } from "../stage/list-cluster-processes.ts";
import { sendSignal } from "../stage/list-processes.ts";
import { lostAttempts } from "./hit.ts";

const TIMES = 3;

export const database: Fault = {
  id: "F12",
  title: "Postgres dies, drops connections, stands still",
  variants: [
    {
      name: "kill -9",
      inject: (round) => repeatedly(round, async () => signalPostmaster(round, "SIGKILL")),
      judge: (_round, facts) => lostAttempts(facts),
    },
    // what pg_ctl -m immediate sends
    {
      name: "immediate shutdown",
      inject: (round) => repeatedly(round, async () => signalPostmaster(round, "SIGQUIT")),
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "every connection is ended",
      inject: (round) => repeatedly(round, async () => await endConnections(round)),
      judge: (_round, facts) => lostAttempts(facts),
    },
    {
      name: "stands still for longer than a lease",
      setting: { workload: { linesMin: 60, linesMax: 80 } },
      inject: async (round) => {
        await round.working(3);
        const postmaster = await findPostmaster(round.stage.fleet.directory);
        const processes = [postmaster, ...listClusterProcesses(postmaster)];
        for (const pid of processes) sendSignal(pid, "SIGSTOP");
        await round.sleep(20_000);
        for (const pid of processes) sendSignal(pid, "SIGCONT");
      },
      judge: (_round, facts) => lostAttempts(facts),
    },
  ],
};

async function repeatedly(round: Round, hit: () => Promise<void>): Promise<void> {
  await round.working(2);
  for (let time = 0; time < TIMES; time += 1) {
    await round.sleep(round.random.int(500, 4_000));
    await hit();
  }
}

async function signalPostmaster(round: Round, signal: NodeJS.Signals): Promise<void> {
  // A postmaster that is being started again after the last time is no target yet.
  let pid = 0;
  await round.until("there is a postmaster", async () => {
    pid = await findPostmaster(round.stage.fleet.directory).catch(() => 0);
    return pid !== 0;
  });
  sendSignal(pid, signal);
}

async function endConnections(round: Round): Promise<void> {
  const sql = postgres(await round.stage.fleet.databaseUrl(), { max: 1, onnotice: () => undefined });
  try {
    const ended =
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
    round.note(`ended ${ended.length} connections`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
