import type { BenchRequest } from "./arguments.ts";
import type { Cell } from "./cell.ts";
import { describeMachine } from "./machine.ts";
import { listenForNoise } from "./noise.ts";
import type { BenchReport, JudgedMeasurement } from "./report.ts";
import { formatMachine, formatMeasurement, formatNoise, judge } from "./report.ts";
import { openWorkshop } from "./workshop.ts";

/** Runs the cells one after the other and prints what they found. Returns the exit code. */
export async function runBench(request: BenchRequest, cells: readonly Cell[], signal: AbortSignal): Promise<number> {
  const machine = describeMachine();
  const before = await listenForNoise();
  const workshop = openWorkshop(request.rounds, signal, (text) => console.error(`… ${text}`));
  if (!request.json) console.log(formatMachine(machine));
  const measurements: JudgedMeasurement[] = [];
  let left: readonly string[] = [];
  try {
    for (const cell of cells) {
      const found = (await cell.measure(workshop)).map((measurement) => judge(cell.name, measurement));
      measurements.push(...found);
      if (!request.json) for (const measurement of found) console.log(formatMeasurement(measurement));
    }
  } finally {
    left = await workshop.close();
  }
  const noise = { before, after: await listenForNoise() };
  const met = measurements.every((measurement) => measurement.met) && left.length === 0;
  const report: BenchReport = { at: new Date().toISOString(), machine, noise, measurements, met };
  if (request.json) console.log(JSON.stringify(report, null, 2));
  else console.log(formatNoise(before, noise.after));
  for (const process of left) console.error(`left behind and ended: ${process}`);
  return met ? 0 : 1;
}
