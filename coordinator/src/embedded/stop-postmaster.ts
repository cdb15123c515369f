import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { endOrphans, isPostmasterOf, killCluster } from "./cluster-processes.ts";

/** Fast: sessions end, everything is written. Immediate: the next start recovers. Nothing accepted is lost by either. */
const STAGES = [
  { signal: "SIGINT", waitMs: 60_000 },
  { signal: "SIGQUIT", waitMs: 5_000 },
] as const;

/** Does: ends a postmaster and waits until no process of its cluster is left. */
export async function stopPostmaster(pid: number, clusterDir: string, logger: Logger): Promise<void> {
  for (const stage of STAGES) {
    if (!(await isPostmasterOf(pid, clusterDir))) break;
    try {
      process.kill(pid, stage.signal);
      // A server that somebody has frozen does not hear otherwise.
      process.kill(pid, "SIGCONT");
    } catch {
      break;
    }
    const deadline = performance.now() + stage.waitMs;
    while (performance.now() < deadline && (await isPostmasterOf(pid, clusterDir))) await sleep(10);
  }
  if (await isPostmasterOf(pid, clusterDir)) {
    logger.error({ postmasterPid: pid }, "embedded postgres does not stop and is killed");
    await killCluster(clusterDir);
  }
  await endOrphans(clusterDir);
}
