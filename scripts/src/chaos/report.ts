import { cpus } from "node:os";
import process from "node:process";
import { describeCommit } from "../repository.ts";
import type { ChaosRequest } from "./arguments.ts";
import type { PlayedFault } from "./play-faults.ts";
import { SCALED } from "./scaled-limits.ts";
import { COLUMNS, cellsOf, summarise } from "./table.ts";

/** The report as it is committed: what was played, what was found, what was left out. */
export function formatReport(played: readonly PlayedFault[], request: ChaosRequest): string {
  const { commit, changed } = describeCommit();
  const summaries = played.map(({ fault, results }) => summarise(fault.id, fault.title, results));
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const seconds = (ms: number): string => `${ms / 1000} s`;
  return [
    "# Chaos report",
    "",
    "What `scripts/chaos` found: real coordinators, databases, runners, supervisors and agents, one fault at a time, audited afterwards from the",
    "database, the agents' ledger of side effects, the answers that an observer on the wire saw, and the process table.",
    "",
    `Commit ${commit.slice(0, 10)}${changed ? " with changes" : ""}, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores, Node ${process.version}, first seed ${request.seed}.`,
    `Times are scaled down: heartbeat ${seconds(SCALED.heartbeatIntervalMs)}, freeze ${seconds(SCALED.freezeAfterMs)}, lease ${seconds(SCALED.leaseTtlMs)}.`,
    "",
    row(COLUMNS),
    row(COLUMNS.map((_column, index) => (index < 2 ? "---" : "---:"))),
    ...summaries.map((summary) => row(cellsOf(summary))),
    "",
    ...listFindings(played),
    ...listSkipped(played),
    ...listVariants(played),
  ].join("\n");
}

function listFindings(played: readonly PlayedFault[]): string[] {
  const lines = played.flatMap(({ results }) =>
    results.flatMap(({ fault, variant, seed, findings }) =>
      findings.map(({ kind, text }) => `- ${fault} seed ${seed} (${variant}): ${kind}: ${text}`),
    ),
  );
  return lines.length === 0 ? [] : ["## Found", "", ...lines, ""];
}

function listSkipped(played: readonly PlayedFault[]): string[] {
  const lines = new Set(
    played.flatMap(({ skipped }) => skipped.map(({ fault, variant, reason }) => `- ${fault} ${variant}: ${reason}`)),
  );
  return lines.size === 0 ? [] : ["## Not played", "", ...lines, ""];
}

function listVariants(played: readonly PlayedFault[]): string[] {
  const lines = played.flatMap(({ fault, results }) =>
    fault.variants.map(({ name }) => {
      const own = results.filter(({ variant }) => variant === name);
      const longestMs = Math.max(0, ...own.map(({ standstillMs }) => standstillMs));
      return `- ${fault.id} ${name}: ${own.length} rounds, longest recovery ${(longestMs / 1000).toFixed(1)} s`;
    }),
  );
  return ["## What was played", "", ...lines, ""];
}
