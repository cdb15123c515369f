/**
 * Register: a runner becomes known, or comes back. Its id stays valid across coordinator restarts.
 * Called by: POST /runner/register.  Writes: runners, runs (adoption by a new process).  Emits: nothing.
 * Ours brings its identity and a new instance id per process, and takes over at once. A plain runner is named by the hash of what it
 * says of itself; a second one with the same name is refused while the first is alive.
 */
import { createHash } from "node:crypto";
import { ParallaxError } from "@parallax/shared/errors";
import type { RegisterRunner } from "@parallax/shared/protocol/runners";
import type { Deps } from "../deps.ts";
import { transact } from "../effects.ts";
import { adoptRuns } from "../store/leases.ts";
import type { RunnerRecord } from "../store/records.ts";
import { lockRunner, saveRunner } from "../store/runners.ts";

export async function registerRunner(deps: Deps, projectId: string, request: RegisterRunner): Promise<RunnerRecord> {
  if (request.max_runs !== undefined && request.instance_id === undefined) {
    throw new ParallaxError("unsupported_option", "max_runs needs an instance_id: it counts the runs of one process", {
      hint: "send a new instance_id per process, or leave max_runs out",
    });
  }
  const id = request.runner_id ?? nameOf(request);
  return await transact(deps, async (tx) => {
    const known = await lockRunner(tx, id);
    if (known !== null && known.projectId !== projectId)
      throw new ParallaxError("duplicate_runner", `runner id ${id} is taken`);
    const alive = known !== null && known.state !== "deregistering" && known.silentMs < deps.limits.runnerStaleMs;
    if (alive && request.instance_id === undefined) {
      throw new ParallaxError("duplicate_runner", `a runner with this identity is online`, {
        details: {
          error: "duplicate_runner",
          runner_id: id,
          hostname: known.hostname,
          project_dir: known.projectDir,
          executor_profile: known.executorProfile,
        },
        hint: "two runners on one host need two identities: another project_dir or executor_profile, or a runner_id of their own",
      });
    }
    const runner = await saveRunner(tx, {
      id,
      projectId,
      instanceId: request.instance_id ?? null,
      hostname: request.hostname,
      projectDir: request.project_dir,
      executorProfile: request.executor_profile ?? null,
      executor: request.executor ?? null,
      executors: request.executors ?? {},
      missingExecutors: request.missing_executors ?? {},
      runtimes: request.runtimes ?? ["local"],
      tags: [...new Set([...(request.tags ?? []), ...(request.labels ?? [])])],
      requireMatchingTags: request.require_matching_tags ?? false,
      slots: request.slots ?? 1,
      version: request.version ?? null,
      state: "online",
      notReadyReason: null,
      heartbeatSeq: 0,
      maxRuns: request.max_runs ?? null,
      // the same process that registers again has not got rid of what it has taken
      runsStarted: known !== null && known.instanceId === request.instance_id ? known.runsStarted : 0,
    });
    if (request.instance_id !== undefined) await adoptRuns(tx, id, request.instance_id);
    return runner;
  });
}

function nameOf(request: RegisterRunner): string {
  const identity = [
    request.hostname,
    request.project_dir,
    request.executor_profile ?? "",
    request.executor?.command ?? "",
  ].join(":");
  return `lnch_${createHash("sha256").update(identity).digest("hex").slice(0, 12)}`;
}
