import { ParallaxError } from "@parallax/shared/errors";
import type { Detection, DetectionContext, ExecutorAdapter } from "@parallax/shared/executor/adapter";
import type { MissingExecutor } from "@parallax/shared/protocol/runners";
import type { ServedExecutor } from "../deps.ts";
import type { RunnerLog } from "../log.ts";
import { listExecutorNames, loadExecutor } from "./load-executor.ts";

export interface FoundExecutor {
  readonly name: string;
  readonly adapter: ExecutorAdapter;
  readonly detection: Detection;
}

/** Every executor of this installation with what was found of its CLI; one that cannot be loaded is reported and left out. */
export async function detectExecutors(context: DetectionContext, log: RunnerLog): Promise<FoundExecutor[]> {
  const found = await Promise.all(
    listExecutorNames().map(async (name) => {
      try {
        return await detectOne(name, context);
      } catch (error) {
        log.warn({ executor: name, err: error }, "An executor cannot be loaded");
        return null;
      }
    }),
  );
  return found.filter((one) => one !== null);
}

export interface ChosenExecutors {
  readonly served: ReadonlyMap<string, ServedExecutor>;
  /** Known, and not served for want of their CLI: the coordinator tells whoever waits for one. */
  readonly missing: ReadonlyMap<string, MissingExecutor>;
}

/** What this runner serves: the one that was asked for, else all whose CLI is there. */
export async function chooseExecutors(
  wanted: string | null,
  context: DetectionContext,
  log: RunnerLog,
): Promise<ChosenExecutors> {
  const served = new Map<string, ServedExecutor>();
  const missing = new Map<string, MissingExecutor>();
  if (wanted !== null) {
    const { name, adapter, detection } = await detectOne(wanted, context);
    if (!detection.found) {
      throw new ParallaxError("executor_not_found", `executor ${name}: ${detection.reason}`, { hint: detection.fix });
    }
    return { served: served.set(name, { adapter, version: detection.version, path: detection.path }), missing };
  }
  const all = await detectExecutors(context, log);
  for (const { name, adapter, detection } of all) {
    if (detection.found) served.set(name, { adapter, version: detection.version, path: detection.path });
    else {
      missing.set(name, { reason: detection.reason, fix: detection.fix });
      log.info({ executor: name, reason: detection.reason, fix: detection.fix }, "An executor is not served");
    }
  }
  if (served.size > 0) return { served, missing };
  const fixes = all.flatMap(({ detection }) => (detection.found ? [] : [detection.fix]));
  throw new ParallaxError("executor_not_found", "the CLI of no executor was found", { hint: fixes.join(" ") });
}

async function detectOne(name: string, context: DetectionContext): Promise<FoundExecutor> {
  const adapter = await loadExecutor(name);
  return { name, adapter, detection: await adapter.detect(context) };
}
