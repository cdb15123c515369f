import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** What else the machine was doing while we did nothing: numbers without it mean little on a shared machine. */
export interface Noise {
  readonly load: readonly number[];
  /** Share of all cores that others used, 0 to 1; null where the system does not tell. */
  readonly busyShare: number | null;
  /** Share that a hypervisor gave to other guests. */
  readonly stolenShare: number | null;
}

const SAMPLE_MS = 1_000;

/** Call it while nothing of ours runs. */
export async function listenForNoise(): Promise<Noise> {
  const before = readTimes();
  await sleep(SAMPLE_MS);
  const after = readTimes();
  const shares = before === null || after === null ? null : compareTimes(before, after);
  return { load: loadavg(), busyShare: shares?.busy ?? null, stolenShare: shares?.stolen ?? null };
}

export interface CpuTimes {
  readonly total: number;
  readonly idle: number;
  readonly stolen: number;
}

export function compareTimes(
  before: CpuTimes,
  after: CpuTimes,
): { readonly busy: number; readonly stolen: number } | null {
  const total = after.total - before.total;
  if (total <= 0) return null;
  const stolen = (after.stolen - before.stolen) / total;
  return { busy: 1 - (after.idle - before.idle) / total - stolen, stolen };
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice. Guests are in user already. */
export function parseTimes(stat: string): CpuTimes | null {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1];
  const columns = line?.trim().split(/\s+/).map(Number);
  if (columns === undefined || columns.length < 8 || columns.some((value) => !Number.isFinite(value))) return null;
  const [idle = 0, waiting = 0] = columns.slice(3, 5);
  const total = columns.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { total, idle: idle + waiting, stolen: columns[7] ?? 0 };
}

function readTimes(): CpuTimes | null {
  try {
    return parseTimes(readFileSync("/proc/stat", "utf8"));
  } catch {
    return null;
  }
}
