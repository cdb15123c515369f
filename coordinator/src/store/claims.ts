import { and, eq, type SQL, sql } from "drizzle-orm";
import type { RunnerRecord, RunRecord } from "./records.ts";
import { attempts, runners, runs } from "./schema.ts";
import type { Tx } from "./store.ts";

export interface ClaimOrder {
  readonly laneIds: readonly string[];
  readonly count: number;
  readonly runner: RunnerRecord;
  readonly instanceId: string | null;
  readonly pollId: string | null;
  /** Claimed by a runner without a supervisor of ours: it never gets the same run twice. */
  readonly plain: boolean;
  readonly offerTtlMs: number;
  readonly otherRunnerFirstMs: number;
  readonly runnerStaleMs: number;
  readonly onlyRunId: string | null;
}

/**
 * pending and ready → claimed, the best ones of the lanes. `skip locked`: two polls racing for one run, one gets it, the
 * other gets nothing or the next. The claim id is what the lease token is made of.
 */
export async function claimReadyRuns(tx: Tx, order: ClaimOrder): Promise<RunRecord[]> {
  if (order.laneIds.length === 0 || order.count < 1) return [];
  const count = Math.min(order.count, await roomLeft(tx, order.runner));
  if (count < 1) return [];
  // as an array it is chosen once, however the update is planned: its locks and its limit must not be taken again
  const best = sql`ARRAY(
    SELECT candidate.id FROM runs candidate
    WHERE candidate.ready AND candidate.lane_id IN ${[...order.laneIds]}
      ${order.onlyRunId === null ? sql`` : sql`AND candidate.id = ${order.onlyRunId}`}
      ${order.plain ? sql`AND NOT EXISTS (SELECT 1 FROM attempts earlier WHERE earlier.run_id = candidate.id AND earlier.runner_id = ${order.runner.id})` : sql``}
      ${notUnderLapsedPoll(order)} ${notLapsedLately(order)}
    ORDER BY candidate.priority, candidate.number
    LIMIT ${count} FOR UPDATE SKIP LOCKED)`;
  const claimed = await tx
    .update(runs)
    .set({
      state: "claimed",
      ready: false,
      waitingFor: null,
      phase: null,
      attempt: sql`${runs.attempt} + 1`,
      runnerId: order.runner.id,
      instanceId: order.instanceId,
      claimId: sql`'clm_' || replace(gen_random_uuid()::text, '-', '')`,
      pollId: order.pollId,
      plain: order.plain,
      incarnation: null,
      stopToldAt: null,
      offerAfter: null,
      leaseExpiresAt: sql`clock_timestamp() + make_interval(secs => ${order.offerTtlMs / 1000})`,
      renewedAt: sql`clock_timestamp()`,
      claimedAt: sql`clock_timestamp()`,
    })
    .where(sql`${runs.id} = ANY(${best})`)
    .returning();
  if (claimed.length > 0) {
    await tx.insert(attempts).values(
      claimed.map((run) => ({
        runId: run.id,
        attempt: run.attempt,
        runnerId: order.runner.id,
        instanceId: order.instanceId,
        claimId: run.claimId as string,
        pollId: order.pollId,
        hostname: order.runner.hostname,
      })),
    );
  }
  return claimed.sort((a, b) => a.priority - b.priority || a.number - b.number);
}

/** How many more a runner with a maximum may be offered: what is offered and not yet started counts as well. Its polls take turns here. */
async function roomLeft(tx: Tx, { id, maxRuns }: RunnerRecord): Promise<number> {
  if (maxRuns === null) return Number.POSITIVE_INFINITY;
  const [runner] = await tx.select().from(runners).where(eq(runners.id, id)).for("update");
  if (runner === undefined || runner.maxRuns === null) return 0;
  const offered = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.runnerId, id), eq(runs.state, "claimed")));
  return runner.maxRuns - runner.runsStarted - offered.length;
}

/**
 * A runner that let an offer lapse may never have heard of it. It gets nothing more under the same poll: only a new one shows that a
 * reply arrived.
 */
function notUnderLapsedPoll({ runner, pollId }: ClaimOrder): SQL {
  if (pollId === null) return sql``;
  return sql`AND NOT EXISTS (SELECT 1 FROM attempts lapsed
        WHERE lapsed.runner_id = ${runner.id} AND lapsed.poll_id = ${pollId} AND lapsed.end_reason = 'lapsed')`;
}

/** A run whose offer this runner has just let lapse is somebody else's first, if there is anybody else. */
function notLapsedLately({ runner, otherRunnerFirstMs, runnerStaleMs }: ClaimOrder): SQL {
  const ago = (ms: number) => sql`clock_timestamp() - make_interval(secs => ${ms / 1000})`;
  return sql`AND NOT EXISTS (SELECT 1 FROM attempts last
        WHERE last.run_id = candidate.id AND last.attempt = candidate.attempt AND last.runner_id = ${runner.id}
          AND last.end_reason = 'lapsed' AND last.ended_at > ${ago(otherRunnerFirstMs)}
          AND EXISTS (SELECT 1 FROM runners other WHERE other.project_id = ${runner.projectId} AND other.id <> ${runner.id}
            AND other.state = 'online' AND other.not_ready_reason IS NULL AND other.last_heartbeat_at > ${ago(runnerStaleMs)}))`;
}

/** Whether somebody could still claim something of the lane: the poll that found nothing may have been passed over. */
export async function laneHasReadyRun(tx: Tx, laneId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.laneId, laneId), eq(runs.ready, true)))
    .limit(1);
  return rows.length > 0;
}

/** The unstarted offers of an earlier poll with the same id; replaying does not renew their deadline. */
export async function findOffersOfPoll(tx: Tx, runnerId: string, pollId: string): Promise<RunRecord[]> {
  return await tx
    .select()
    .from(runs)
    .where(and(eq(runs.runnerId, runnerId), eq(runs.state, "claimed"), eq(runs.pollId, pollId)))
    .orderBy(runs.priority, runs.number);
}
