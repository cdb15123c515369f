import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import type { Ids } from "@parallax/shared/ids";
import { holdLock, lockAddress } from "../alive-lock/hold-lock.ts";
import { readJsonFile, writeDurably } from "../attempts/durable-file.ts";
import { isObject } from "../http/classify-answer.ts";

/**
 * A runner's state directory: who it is, and what it is responsible for. The lock on it lives as long as this process, so two
 * runners cannot both believe that they own the same attempts.
 */
export async function openStateDir(
  path: string,
  ids: Ids,
): Promise<{ readonly runnerId: string; readonly stateDir: string }> {
  const stateDir = makeDirectory(path);
  const name = `parallax-runner-${createHash("sha256").update(stateDir).digest("hex").slice(0, 32)}`;
  const lock = await holdLock(lockAddress(name, join(stateDir, "runner.lock")));
  if (lock === null) {
    throw new ParallaxError("state_dir_in_use", `another runner uses the state directory ${stateDir}`, {
      hint: "Stop it, or give this one a directory of its own with --state-dir.",
    });
  }
  // Only its being bound matters; it must not keep the process alive.
  lock.unref();
  const identityPath = join(stateDir, "identity.json");
  const known = await readJsonFile(identityPath);
  if (isObject(known) && typeof known["runner_id"] === "string") return { runnerId: known["runner_id"], stateDir };
  const runnerId = ids.make("runner");
  await writeDurably(identityPath, JSON.stringify({ runner_id: runnerId }));
  return { runnerId, stateDir };
}

function makeDirectory(path: string): string {
  try {
    mkdirSync(join(path, "attempts"), { recursive: true, mode: 0o700 });
    return realpathSync(path);
  } catch (error) {
    throw new ParallaxError("config_invalid", `the state directory ${path} cannot be used: ${String(error)}`, {
      hint: "Give another one with --state-dir.",
    });
  }
}
