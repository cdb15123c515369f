import type { Measurement } from "./cell.ts";
import type { Machine } from "./machine.ts";
import { median } from "./median.ts";
import type { Noise } from "./noise.ts";

export interface JudgedMeasurement extends Measurement {
  readonly cell: string;
  readonly medianMs: number;
  readonly met: boolean;
}

export interface BenchReport {
  readonly at: string;
  readonly machine: Machine;
  readonly noise: { readonly before: Noise; readonly after: Noise };
  readonly measurements: readonly JudgedMeasurement[];
  readonly met: boolean;
}

export function judge(cell: string, measurement: Measurement): JudgedMeasurement {
  const medianMs = median(measurement.valuesMs);
  return { ...measurement, cell, medianMs, met: medianMs <= measurement.targetMsMax };
}

/** Above this the numbers say more about the neighbours than about us. */
const NOISY_SHARE = 0.25;

export function formatMachine(machine: Machine): string {
  const gib = (machine.memoryBytes / 1024 ** 3).toFixed(1);
  const commit = `${machine.commit.slice(0, 10)}${machine.changed ? " with changes" : ""}`;
  return `machine  ${machine.cores} cores (${machine.processor}), ${gib} GiB, ${machine.system}, Node ${machine.node}, commit ${commit}`;
}

export function formatNoise(before: Noise, after: Noise): string {
  const shares = [before, after].map(({ busyShare }) => busyShare);
  const loud = shares.some((share) => share !== null && share > NOISY_SHARE);
  const load = [before, after].map((noise) => noise.load[0]?.toFixed(2) ?? "?").join(" → ");
  const stolen = Math.max(before.stolenShare ?? 0, after.stolenShare ?? 0);
  const parts = [
    `load ${load}`,
    `others used ${formatShare(shares[0])} of all cores before and ${formatShare(shares[1])} after`,
    ...(stolen > 0.01 ? [`${formatShare(stolen)} stolen by the hypervisor`] : []),
  ];
  return `noise    ${parts.join("; ")}${loud ? "  NOISY: read the numbers as upper bounds" : ""}`;
}

export function formatMeasurement(measurement: JudgedMeasurement): string {
  const { cell, name, valuesMs, medianMs, targetMsMax, parts, met } = measurement;
  const spread = valuesMs.length === 1 ? "1 round" : `${valuesMs.length} rounds, ${range(valuesMs)}`;
  const columns = [
    met ? "PASS" : "FAIL",
    cell.padEnd(12),
    name.padEnd(34),
    `${seconds(medianMs).padStart(7)} s`,
    `(target ${seconds(targetMsMax)} s; ${spread})`,
  ];
  const made = Object.entries(parts ?? {}).map(([part, ms]) => `${part} ${seconds(ms)} s`);
  return `${columns.join("  ")}${made.length === 0 ? "" : `\n      ${" ".repeat(12)}  of it: ${made.join(", ")}`}`;
}

function range(values: readonly number[]): string {
  return `${seconds(Math.min(...values))}–${seconds(Math.max(...values))} s`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}

function formatShare(share: number | null | undefined): string {
  return share == null ? "an unknown share" : `${Math.round(share * 100)} %`;
}
