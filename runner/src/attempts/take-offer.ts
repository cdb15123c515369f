import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import { ID_PATTERN } from "@parallax/shared/protocol/common";
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import type { RunnerDeps } from "../deps.ts";
import { snapshotHostEnv } from "./agent-env.ts";
import { attemptFiles } from "./attempt-files.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import { forgetAttempt } from "./bury-attempt.ts";
import { syncDirectory, writeDurably } from "./durable-file.ts";
import { type LiveAttempt, LiveAttempts, newLiveAttempt } from "./live-attempts.ts";
import { startAttempt } from "./start-attempt.ts";

/**
 * Takes an offered run: on disk and synced first, then `started`, then the supervisor. A process that dies anywhere in between
 * leaves enough behind for its successor. An offer that cannot be taken is given back.
 */
export async function takeOffer(deps: RunnerDeps, run: OfferedRun): Promise<void> {
  const log = deps.log.child({ component: "executor", runId: run.run_id, attempt: run.attempt });
  if (!ID_PATTERN.test(run.run_id)) {
    // It becomes a file name.
    log.error({}, "A run with an id that is none was offered and is not started");
    return;
  }
  const spec = makeSpec(deps, run);
  const attempt = newLiveAttempt(spec, attemptFiles(join(deps.config.stateDir, "attempts", LiveAttempts.keyOf(spec))));
  // A replayed offer, taken already. From here to the table without a pause: whoever counts the slots next must see it.
  if (deps.attempts.has(attempt)) return;
  const refusal = whyNot(deps, run);
  if (refusal !== null) {
    log.warn({ reason: refusal }, "A run was offered that cannot be taken, and is given back");
    // Once: an offer that nobody starts goes back by itself, only later.
    await deps.client.lost(run, deps.runnerId, deps.instanceId, refusal);
    return;
  }
  deps.attempts.add(attempt);
  try {
    await writeSpec(attempt);
  } catch (error) {
    log.error({ err: error }, "The run could not be written down and is not started");
    return forgetAttempt(deps, attempt);
  }
  await startAttempt(deps, attempt);
}

/** What is running is not touched for the sake of an offer. */
function whyNot({ attempts, config, executors, readiness }: RunnerDeps, run: OfferedRun): string | null {
  if (attempts.usedSlots() >= config.slots) return `all ${config.slots} slots of the runner are taken`;
  if (readiness.reason !== null) return readiness.reason;
  const isGone = executors.has(run.executor) && !readiness.available.has(run.executor);
  return isGone ? `the CLI of ${run.executor} is not found any more` : null;
}

async function writeSpec({ spec, files }: LiveAttempt): Promise<void> {
  await mkdir(files.dir, { mode: 0o700 });
  await writeDurably(files.spec, JSON.stringify(spec));
  await syncDirectory(join(files.dir, ".."));
}

function makeSpec(deps: RunnerDeps, run: OfferedRun): AttemptSpec {
  const { config } = deps;
  return {
    version: 1,
    run,
    runnerId: deps.runnerId,
    coordinatorUrl: config.coordinatorUrl,
    defaultProjectDir: config.projectDir,
    agentsDir: config.agentsDir,
    hostEnv: snapshotHostEnv(deps.env, deps.executors.get(run.executor)?.adapter.envAllowList ?? []),
    controlName: `parallax-${randomBytes(16).toString("hex")}`,
    controlSecret: randomBytes(24).toString("hex"),
    marker: `${run.run_id}.${run.attempt}.${randomBytes(8).toString("hex")}`,
    timing: {
      frozenKillAfterMs: DEFAULT_LIMITS.frozenKillAfterMs,
      stopInterruptGraceMs: DEFAULT_LIMITS.stopInterruptGraceMs,
      stopTermGraceMs: DEFAULT_LIMITS.stopTermGraceMs,
      resultGraceMs: DEFAULT_LIMITS.resultGraceMs,
      outputBytesMax: DEFAULT_LIMITS.outputBytesMax,
      ...config.timing,
    },
  };
}
