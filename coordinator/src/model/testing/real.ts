import { isParallaxError } from "@parallax/shared/errors";
import { DEFAULT_LIMITS, type Limits } from "@parallax/shared/limits";
import { pino } from "pino";
import type { Deps } from "../../deps.ts";
import type { Queue } from "../../queue/contract.ts";
import { createWake } from "../../queue/wake.ts";
import { registerRunner } from "../../runners/register-runner.ts";
import type { RunnerRecord } from "../../store/records.ts";
import { makeProject } from "../../store/testing/projects.ts";
import type { ModelLimits, ModelRunner } from "./world.ts";

const HOUR_MS = 3_600_000;

/** Small enough to be reached. */
export const MODEL_LIMITS: ModelLimits = {
  deliveriesMax: 2,
  offersMax: 3,
  itemDeliveriesMax: 3,
  treeDepthMax: 2,
  treeFanOutMax: 3,
  runsPerTreeMax: 16,
};

/** Nothing passes by itself: what takes time is made to pass by a step. */
const REAL_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  ...MODEL_LIMITS,
  offerTtlMs: HOUR_MS,
  leaseTtlMs: HOUR_MS,
  plainLeaseTtlMs: HOUR_MS,
  stopUnansweredMs: HOUR_MS / 2,
  runnerStaleMs: HOUR_MS,
  otherRunnerFirstMs: HOUR_MS,
  reofferPauseMsMax: HOUR_MS,
};

/** A messenger that forgets everything it is told: what is right must be right without it. */
const forgetfulQueue: Queue = {
  putHint: async () => undefined,
  takeHint: async () => null,
  dropHint: async () => undefined,
  setTimer: async () => undefined,
  cancelTimer: async () => undefined,
  onTimer: () => undefined,
  every: () => undefined,
  close: async () => undefined,
};

export interface Real {
  readonly project: string;
  readonly runners: ReadonlyMap<string, RunnerRecord>;
  readonly modelRunners: readonly ModelRunner[];
  /** What the coordinator logged as an error: it goes on, but nothing that happens here is one. */
  readonly errors: string[];
  /** Replaced by a restart. */
  deps: Deps;
}

/** A fleet in a project of its own, so that thousands of them fit into one database. */
export async function openReal(base: Deps, name: string, runners: readonly { plain: boolean }[]): Promise<Real> {
  const errors: string[] = [];
  const logger = pino({ level: "error" }, { write: (line: string) => void errors.push(line) });
  const deps = restarted({ ...base, logger });
  await makeProject(deps.store.db, name);
  const registered = new Map<string, RunnerRecord>();
  const modelRunners: ModelRunner[] = [];
  for (const [index, { plain }] of runners.entries()) {
    const runner = await registerRunner(deps, name, {
      runner_id: `rnr_${name}_${index}`,
      ...(plain ? {} : { instance_id: deps.ids.make("instance") }),
      hostname: "one-host",
      project_dir: "/tmp",
      slots: 100,
    });
    registered.set(runner.id, runner);
    modelRunners.push({ id: runner.id, plain, polls: 0 });
  }
  return { project: name, runners: registered, modelRunners, errors, deps };
}

/** As after a crash: no waiter, no timer and no hint is left. */
export function restarted(base: Deps): Deps {
  return { ...base, queue: forgetfulQueue, wake: createWake(), limits: REAL_LIMITS };
}

export function runnerOf(real: Real, id: string): RunnerRecord {
  const runner = real.runners.get(id);
  if (runner === undefined) throw new Error(`no runner ${id}`);
  return runner;
}

/** `ok`, or the code of a refusal. Anything else is an error of ours and goes up. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "ok";
  } catch (error) {
    if (isParallaxError(error) && error.code !== "internal") return error.code;
    throw error;
  }
}
