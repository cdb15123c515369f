import type { FindingKind } from "./audit/finding.ts";
import type { RoundResult } from "./play-round.ts";

/** What is shown of one fault: all of its rounds in one line. */
export interface FaultSummary {
  readonly fault: string;
  readonly title: string;
  readonly seeds: number;
  readonly runs: number;
  readonly attempts: number;
  readonly counts: Readonly<Record<FindingKind, number>>;
  readonly longestMs: number;
}

/** A frozen machine's overlaps are reported, not promised. */
const REPORTED_ONLY: ReadonlySet<FindingKind> = new Set<FindingKind>(["frozen_overlap"]);

export function isKept(results: readonly RoundResult[]): boolean {
  return results.every(({ findings }) => findings.every(({ kind }) => REPORTED_ONLY.has(kind)));
}

export function summarise(fault: string, title: string, results: readonly RoundResult[]): FaultSummary {
  const count = (kind: FindingKind): number =>
    results.reduce((sum, { findings }) => sum + findings.filter((finding) => finding.kind === kind).length, 0);
  return {
    fault,
    title,
    seeds: results.length,
    runs: results.reduce((sum, { runs }) => sum + runs, 0),
    attempts: results.reduce((sum, { attempts }) => sum + attempts, 0),
    counts: {
      lost: count("lost"),
      doubled: count("doubled"),
      undelivered: count("undelivered"),
      overlap: count("overlap"),
      frozen_overlap: count("frozen_overlap"),
      orphan: count("orphan"),
      lease: count("lease"),
      promise: count("promise"),
    },
    longestMs: Math.max(0, ...results.map(({ standstillMs }) => standstillMs)),
  };
}

export const COLUMNS = [
  "fault",
  "",
  "seeds",
  "runs",
  "attempts",
  "lost",
  "doubled",
  "overlaps",
  "orphans",
  "undelivered",
  "lease",
  "other",
  "frozen-machine overlaps",
  "longest recovery",
] as const;

export function cellsOf(summary: FaultSummary): string[] {
  const { counts } = summary;
  return [
    summary.fault,
    summary.title,
    ...[summary.seeds, summary.runs, summary.attempts].map(String),
    ...[counts.lost, counts.doubled, counts.overlap, counts.orphan].map(String),
    ...[counts.undelivered, counts.lease, counts.promise, counts.frozen_overlap].map(String),
    summary.seeds === 0 ? "" : `${(summary.longestMs / 1000).toFixed(1)} s`,
  ];
}

export function formatTable(summaries: readonly FaultSummary[]): string {
  const rows = [[...COLUMNS], ...summaries.map(cellsOf)];
  const widths = COLUMNS.map((_column, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows
    .map((row) =>
      row.map((cell, index) => (index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))),
    )
    .map((row) => row.join("  ").trimEnd())
    .join("\n");
}
