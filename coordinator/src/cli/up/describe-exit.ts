import type { ServiceExit } from "./keep-service.ts";

export function describeExit(exit: ServiceExit): string {
  return exit.signal === null ? `(exit code ${exit.exitCode ?? "unknown"})` : `(${exit.signal})`;
}
