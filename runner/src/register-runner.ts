import { hostname } from "node:os";
import { ParallaxError } from "@parallax/shared/errors";
import type { MissingExecutor, RegisterRunner } from "@parallax/shared/protocol/runners";
import { MISSING_TEXT_CHARS_MAX } from "@parallax/shared/protocol/runners";
import type { RunnerConfig } from "./config.ts";
import { createBackoff, pause } from "./http/backoff.ts";
import type { RunnerLog } from "./log.ts";
import type { Readiness } from "./readiness/readiness.ts";
import type { RunnerClient } from "./runner-client.ts";

export interface RegistrationDeps {
  readonly config: RunnerConfig;
  readonly client: RunnerClient;
  readonly log: RunnerLog;
  readonly runnerId: string;
  readonly instanceId: string;
  /** All that were there at the start; one of them may be missing by now. */
  readonly executors: ReadonlyMap<string, unknown>;
  /** Those that were missing from the start. */
  readonly missing: ReadonlyMap<string, MissingExecutor>;
  readonly readiness: Pick<Readiness, "available">;
  readonly version: string;
}

/** Registers, however long the coordinator is away. Throws when it was heard and refused. */
export async function registerRunner(deps: RegistrationDeps, signal: AbortSignal): Promise<void> {
  const backoff = createBackoff({ firstMs: 250, maxMs: 10_000 });
  const body = makeRegistration(deps);
  let warned = false;
  while (!signal.aborted) {
    const result = await deps.client.register(body);
    if (result.kind === "ok") {
      deps.log.info({ runnerId: result.body.runner_id }, "Registered");
      return;
    }
    if (result.kind === "refused" || result.kind === "end_attempt")
      throw refused(result.kind === "refused" ? result.refusal : result);
    const reason = result.kind === "retry" ? result.reason : "an answer without content";
    if (warned) deps.log.debug({ reason }, "The coordinator does not answer");
    else deps.log.warn({ reason }, "The coordinator does not answer, trying on");
    warned = true;
    await pause((result.kind === "retry" ? result.afterMs : null) ?? backoff.nextMs(), signal);
  }
}

function refused({ code, message }: { readonly code: string; readonly message: string }): ParallaxError {
  const hint =
    code === "unauthorized" || code === "forbidden"
      ? "Give the coordinator's key with --token-file or PARALLAX_TOKEN."
      : undefined;
  return new ParallaxError(
    "config_invalid",
    `the coordinator refused this runner (${code}): ${message}`,
    hint === undefined ? {} : { hint },
  );
}

const VANISHED: MissingExecutor = {
  reason: "its CLI is not there any more",
  fix: "Install it again; the runner notices by itself.",
};

function listMissing({ executors, missing, readiness }: RegistrationDeps): Record<string, MissingExecutor> {
  const vanished = [...executors.keys()].filter((name) => !readiness.available.has(name));
  const all = [...missing, ...vanished.map((name) => [name, VANISHED] as const)];
  const cut = (text: string) => text.replaceAll("\0", "").slice(0, MISSING_TEXT_CHARS_MAX).toWellFormed();
  return Object.fromEntries(all.map(([name, { reason, fix }]) => [name, { reason: cut(reason), fix: cut(fix) }]));
}

function makeRegistration(deps: RegistrationDeps): RegisterRunner {
  const { config, readiness, runnerId, instanceId, version } = deps;
  const versions = Object.fromEntries(
    [...readiness.available].map(([name, executor]) => [name, { version: executor.version }]),
  );
  return {
    runner_id: runnerId,
    instance_id: instanceId,
    hostname: hostname(),
    project_dir: config.projectDir,
    ...(config.executor === null ? {} : { executor_profile: config.executor, executor: { type: config.executor } }),
    executors: versions,
    missing_executors: listMissing(deps),
    runtimes: ["local"],
    tags: [...config.tags],
    require_matching_tags: config.requireMatchingTags,
    labels: [...config.labels],
    slots: config.slots,
    ...(config.once ? { max_runs: 1 } : {}),
    version,
  };
}
