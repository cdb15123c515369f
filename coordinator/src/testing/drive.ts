/** Drives transitions the way the HTTP layer does, for tests that are about the transitions. */

import type { OfferedRun, RegisterRunner } from "@parallax/shared/protocol/runners";
import type { CreatedRun, CreateRun } from "@parallax/shared/protocol/runs";
import type { Deps } from "../deps.ts";
import { expireLeases } from "../leases/expire-leases.ts";
import { registerRunner } from "../runners/register-runner.ts";
import { claimRuns } from "../runs/claim-runs.ts";
import { type AttemptEnd, completeRun } from "../runs/complete-run.ts";
import { createRun } from "../runs/create-run.ts";
import { greetSupervisor } from "../runs/greet-supervisor.ts";
import { startRun } from "../runs/start-run.ts";
import { listLanes } from "../store/lanes.ts";
import { touchLiveness } from "../store/leases.ts";
import type { RunnerRecord } from "../store/records.ts";

const HOST = "test-host";

export async function aRunner(
  deps: Deps,
  overrides: {
    runnerId?: string;
    hostname?: string;
    instanceId?: string;
    maxRuns?: number;
    missing?: RegisterRunner["missing_executors"];
  } = {},
): Promise<RunnerRecord> {
  const id = overrides.runnerId ?? deps.ids.make("runner");
  return await registerRunner(deps, "default", {
    runner_id: id,
    instance_id: overrides.instanceId ?? deps.ids.make("instance"),
    ...(overrides.maxRuns === undefined ? {} : { max_runs: overrides.maxRuns }),
    hostname: overrides.hostname ?? HOST,
    project_dir: "/tmp",
    executors: { test: { version: "1" } },
    missing_executors: overrides.missing ?? {},
    slots: 10,
  });
}

export async function submit(
  deps: Deps,
  request: Partial<CreateRun> = {},
  agent: { runId: string; attempt: number; sessionId: string } | null = null,
): Promise<CreatedRun> {
  const full = { type: "start_session", prompt: "do it", executor: "test", ...request } as CreateRun;
  return await createRun(
    deps,
    {
      projectId: "default",
      origin: agent === null ? "request" : "agent",
      agent,
      idempotency: null,
      retryOfRunId: null,
    },
    full,
  );
}

export async function claim(
  deps: Deps,
  runner: RunnerRecord,
  runId: string | null = null,
  pollId: string | null = null,
): Promise<OfferedRun | null> {
  const lanes = await listLanes(deps.store.db, "default");
  const claimed = await claimRuns(deps, {
    runner,
    laneIds: lanes.map((lane) => lane.id),
    count: 1,
    instanceId: runner.instanceId,
    pollId,
    plain: runner.instanceId === null,
    onlyRunId: runId,
  });
  return claimed[0]?.offer ?? null;
}

export interface LiveAttempt {
  readonly offer: OfferedRun;
  readonly incarnation: string;
  readonly agent: { runId: string; attempt: number; sessionId: string };
}

/** A claim passes over a row that a transaction of the same moment holds; a real poll would be woken, this one looks again. */
async function claimSoon(deps: Deps, runner: RunnerRecord, runId: string | null): Promise<OfferedRun> {
  for (let looks = 0; looks < 100; looks++) {
    const offer = await claim(deps, runner, runId);
    if (offer !== null) return offer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nothing to claim");
}

/** Claimed, started and supervised. */
export async function startAttempt(
  deps: Deps,
  runner: RunnerRecord,
  runId: string | null = null,
): Promise<LiveAttempt> {
  const offer = await claimSoon(deps, runner, runId);
  await startRun(deps, { runId: offer.run_id, attempt: offer.attempt, runnerId: runner.id, proven: true });
  const incarnation = deps.ids.make("incarnation");
  await greetSupervisor(deps, { runId: offer.run_id, attempt: offer.attempt, incarnation, hostname: runner.hostname });
  return { offer, incarnation, agent: { runId: offer.run_id, attempt: offer.attempt, sessionId: offer.session_id } };
}

export async function finish(
  deps: Deps,
  live: LiveAttempt,
  end: Partial<AttemptEnd> = {},
): Promise<{ status: string; repeated: boolean }> {
  return await completeRun(
    deps,
    { runId: live.offer.run_id, attempt: live.offer.attempt, runnerId: "", proven: true },
    {
      outcome: "completed",
      resultText: "done",
      incarnation: live.incarnation,
      itemsTaken: live.offer.items,
      treeGone: true,
      log: { lastFrame: 0, bytes: 0, sha256: EMPTY_SHA256 },
      ...end,
    },
  );
}

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The expiry sweep as it runs every few seconds: not after a gap that would count as an outage. */
export async function sweepLeases(deps: Deps): Promise<void> {
  await touchLiveness(deps.store.db);
  await expireLeases(deps);
}
