import { ParallaxError } from "@parallax/shared/errors";
import type { Detection, DetectionContext, ExecutorAdapter } from "@parallax/shared/executor/adapter";
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

/** What this runner serves: the one that was asked for, else all whose CLI is there. */
export async function chooseExecutors(
  wanted: string | null,
  context: DetectionContext,
  log: RunnerLog,
): Promise<ReadonlyMap<string, ServedExecutor>> {
  const served = new Map<string, ServedExecutor>();
  if (wanted !== null) {
    const { name, adapter, detection } = await detectOne(wanted, context);
    if (!detection.found) {
      throw new ParallaxError("executor_not_found", `executor ${name}: ${detection.reason}`, { hint: detection.fix });
    }
    return served.set(name, { adapter, version: detection.version, path: detection.path });
  }
  const all = await detectExecutors(context, log);
  for (const { name, adapter, detection } of all) {
    if (detection.found) served.set(name, { adapter, version: detection.version, path: detection.path });
    else log.info({ executor: name, reason: detection.reason, fix: detection.fix }, "An executor is not served");
  }
  if (served.size > 0) return served;
  const fixes = all.flatMap(({ detection }) => (detection.found ? [] : [detection.fix]));
  throw new ParallaxError("executor_not_found", "the CLI of no executor was found", { hint: fixes.join(" ") });
}

async function detectOne(name: string, context: DetectionContext): Promise<FoundExecutor> {
  const adapter = await loadExecutor(name);
  return { name, adapter, detection: await adapter.detect(context) };
}
