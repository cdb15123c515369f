import { readFile } from "node:fs/promises";
import { ParallaxError } from "@parallax/shared/errors";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { isObject } from "../http/classify-answer.ts";

/** The runner of the same version wrote it, so this looks for damage, not for malice. */
export async function readSpec(path: string): Promise<AttemptSpec> {
  const value: unknown = JSON.parse(await readFile(path, "utf8"));
  if (!isObject(value) || value["version"] !== 1 || !isObject(value["run"])) {
    throw new ParallaxError("config_invalid", "the attempt's spec is not one this version can read");
  }
  return value as unknown as AttemptSpec;
}
