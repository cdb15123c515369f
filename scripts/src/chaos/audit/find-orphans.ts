import { isActiveRun } from "@parallax/shared/run-state";
import type { FleetProcess } from "../stage/list-processes.ts";
import type { Finding } from "./finding.ts";
import type { Facts } from "./load-facts.ts";

/** I10: no process of an attempt that is over. `processes` are those that are still there after the grace. */
export function findOrphans(facts: Facts, processes: readonly FleetProcess[], leftForks: readonly number[]): Finding[] {
  const findings: Finding[] = [];
  for (const { pid, kind, runId, attempt, command } of processes) {
    if (kind === "runner" || runId === null) continue;
    const run = facts.runs.find(({ id }) => id === runId);
    const live = run !== undefined && isActiveRun(run.state) && run.attempt === attempt;
    if (!live) findings.push(orphan(`${kind} ${pid} of ${runId} attempt ${attempt}: ${command.slice(0, 120)}`));
  }
  const known = new Set(processes.map(({ pid }) => pid));
  for (const pid of leftForks) {
    if (!known.has(pid)) findings.push(orphan(`process ${pid}, left by an agent, without its attempt's mark`));
  }
  return findings;
}

const orphan = (text: string): Finding => ({ kind: "orphan", text });
