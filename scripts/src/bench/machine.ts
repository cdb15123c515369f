import { cpus, release, type as systemType, totalmem } from "node:os";
import process from "node:process";
import { describeCommit } from "../repository.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  /** The checkout is not exactly that commit. */
  readonly changed: boolean;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? "unknown",
    memoryBytes: totalmem(),
    system: `${systemType()} ${release()}`,
    node: process.version,
    ...describeCommit(),
  };
}
