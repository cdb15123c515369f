import { assertNever } from "@parallax/shared/errors";
import type { Deps } from "../deps.ts";
import { matchesRunner } from "../dispatch/match-lane.ts";
import { findLane } from "../store/lanes.ts";
import type { RunRecord, StoredDemands } from "../store/records.ts";
import { listRunners, type RunnerView } from "../store/runners.ts";
import { countPendingAhead, findActiveRun } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";

export interface Explanation {
  readonly cause: string;
  readonly sentence: string;
  readonly facts: Record<string, unknown>;
}

/** One sentence on why a run is where it is, with the facts behind it. */
export async function explainRun(deps: Deps, run: RunRecord): Promise<Explanation> {
  switch (run.state) {
    case "pending":
      return run.ready ? await explainReady(deps, run) : await explainWaiting(deps, run);
    case "claimed":
      return {
        cause: "offered",
        sentence: `It was offered to runner ${run.runnerId} as attempt ${run.attempt}, which has ${deps.limits.offerTtlMs / 1000} s to start it.`,
        facts: { runner_id: run.runnerId, attempt: run.attempt, offers: run.offers },
      };
    case "running":
      return {
        cause: run.phase === "preparing" ? "preparing" : "running",
        sentence:
          run.phase === "preparing"
            ? `Runner ${run.runnerId} is preparing attempt ${run.attempt}.`
            : `Attempt ${run.attempt} is at work on runner ${run.runnerId}.`,
        facts: { runner_id: run.runnerId, attempt: run.attempt, deliveries: run.deliveries, renewed_at: run.renewedAt },
      };
    case "stopping":
      return {
        cause: "stopping",
        sentence: `A stop was asked for (${run.stopReason ?? "no reason given"}); its process tree is being ended.`,
        facts: { stop_requested_at: run.stopRequestedAt, runner_id: run.runnerId },
      };
    case "completed":
    case "failed":
    case "stopped":
      return {
        cause: run.outcome ?? run.state,
        sentence: endSentence(run),
        facts: {
          outcome: run.outcome,
          attempt: run.attempt,
          deliveries: run.deliveries,
          offers: run.offers,
          error: run.error,
        },
      };
    default:
      return assertNever(run.state, "run state");
  }
}

function endSentence(run: RunRecord): string {
  const what = `It ended as ${run.state} (${run.outcome}) in attempt ${run.attempt}`;
  if (run.error === null) return `${what}.`;
  return `${what}: ${run.error.message}${run.error.hint === undefined ? "" : ` — ${run.error.hint}`}`;
}

async function explainReady(deps: Deps, run: RunRecord): Promise<Explanation> {
  const lane = await findLane(deps.store.db, run.laneId);
  const demands = lane?.demands ?? run.demands;
  const runners = await listRunners(deps.store.db, run.projectId);
  const matching = runners.filter((runner) => matchesRunner(demands, runner));
  const online = matching.filter((runner) => runner.silentMs < deps.limits.runnerStaleMs && runner.state === "online");
  const facts = {
    demands,
    runners: runners.length,
    matching: matching.map((runner) => runner.id),
    online: online.map((runner) => runner.id),
  };
  const missing = online.length > 0 ? null : explainMissing(deps, demands, runners);
  if (missing !== null) return { ...missing, facts: { ...facts, ...missing.facts } };
  if (matching.length === 0) {
    return {
      cause: "no_runner",
      sentence: `No runner serves it: it demands ${describe(demands)}, and ${runners.length === 0 ? "no runner is registered" : `none of ${runners.length} registered runners has that`}.`,
      facts,
    };
  }
  if (online.length === 0)
    return {
      cause: "runner_offline",
      sentence: `It demands ${describe(demands)}; ${matching.length} runner(s) have that, but none is online.`,
      facts,
    };
  const ahead = await countPendingAhead(deps.store.db, run);
  return {
    cause: "queued",
    sentence: `It is ready and waits for a free slot; ${ahead} run(s) go before it.`,
    facts: { ...facts, ahead, offers: run.offers },
  };
}

/** A runner that is online and would take it, but for the executor that it knows and cannot serve. */
function explainMissing(deps: Deps, demands: StoredDemands, runners: readonly RunnerView[]): Explanation | null {
  const executor = demands.executor;
  if (executor === undefined) return null;
  const missing = runners.flatMap((runner) => {
    const known = Object.hasOwn(runner.missingExecutors, executor) ? runner.missingExecutors[executor] : undefined;
    const isOnline = runner.silentMs < deps.limits.runnerStaleMs && runner.state === "online";
    const mended = { ...runner, executors: { ...runner.executors, [executor]: { version: "" } } };
    if (known === undefined || !isOnline || !matchesRunner(demands, mended)) return [];
    return [{ runner_id: runner.id, hostname: runner.hostname, ...known }];
  });
  const [first] = missing;
  if (first === undefined) return null;
  return {
    cause: "executor_missing",
    sentence: `No runner serves executor ${executor}: ${first.reason.replace(/\.+$/, "")}. ${first.fix}`,
    facts: { missing },
  };
}

async function explainWaiting(deps: Deps, run: RunRecord): Promise<Explanation> {
  const facts: Record<string, unknown> = { waiting_for: run.waitingFor };
  if (run.waitingFor === "not_before") {
    return {
      cause: "not_before",
      sentence: `It waits until ${run.notBefore?.toISOString()}.`,
      facts: { ...facts, not_before: run.notBefore },
    };
  }
  if (run.waitingFor === "offer_paused") {
    return {
      cause: "offer_paused",
      sentence: `It was offered ${run.offers} times and no runner started it; it is offered again at ${run.offerAfter?.toISOString()}.`,
      facts: { ...facts, offers: run.offers, offer_after: run.offerAfter },
    };
  }
  if (run.waitingFor === "session_occupied") {
    const session = await findSession(deps.store.db, run.projectId, run.sessionId);
    return {
      cause: "session_occupied",
      sentence:
        "An earlier run of its session ended without word that its processes are gone; it waits until they must be frozen or dead.",
      facts: { ...facts, until: session?.occupiedUntil },
    };
  }
  const active = await findActiveRun(deps.store.db, run.projectId, run.sessionId);
  return {
    cause: "session_busy",
    sentence: `Its session works on ${active?.id ?? "another run"}; a session does one run at a time.`,
    facts: { ...facts, active_run_id: active?.id ?? null },
  };
}

function describe(demands: StoredDemands): string {
  const parts = [`executor ${demands.executor}`, `runtime ${demands.runtime}`];
  if (demands.hostname !== undefined) parts.push(`host ${demands.hostname} (where the session's files are)`);
  if (demands.project_dir !== undefined) parts.push(`project_dir ${demands.project_dir}`);
  if (demands.executor_profile !== undefined) parts.push(`profile ${demands.executor_profile}`);
  if (demands.tags !== undefined) parts.push(`tags ${demands.tags.join(", ")}`);
  return parts.join(", ");
}
