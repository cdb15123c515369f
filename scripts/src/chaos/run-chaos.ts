import { writeFile } from "node:fs/promises";
import type { ChaosRequest } from "./arguments.ts";
import type { Fault } from "./fault.ts";
import { keepEvidence } from "./keep-evidence.ts";
import { type Listener, type PlayedFault, playFault } from "./play-faults.ts";
import { formatReport } from "./report.ts";
import { formatTable, isKept, summarise } from "./table.ts";

/** Plays the faults one after the other and prints what was found. Returns the exit code. */
export async function runChaos(request: ChaosRequest, faults: readonly Fault[], signal: AbortSignal): Promise<number> {
  const chosen = faults.filter(({ id }) => request.faults.length === 0 || request.faults.includes(id));
  const played: PlayedFault[] = [];
  const listener = createListener(request);
  for (const fault of chosen) played.push(await playFault(fault, request, listener, signal));
  const results = played.flatMap((one) => one.results);
  console.log(`\n${formatTable(played.map((one) => summarise(one.fault.id, one.fault.title, one.results)))}`);
  if (request.report !== null) await writeFile(request.report, formatReport(played, request));
  if (results.length === 0) {
    console.error("nothing was played");
    return 1;
  }
  return isKept(results) ? 0 : 1;
}

function createListener({ verbose, evidence }: ChaosRequest): Listener {
  return {
    begin: (fault, variant, seed) => console.log(`${fault.id} seed ${seed}: ${variant.name}`),
    note: (text) => {
      if (verbose) console.log(`    ${text}`);
    },
    skipped: ({ fault, variant, reason }) => console.log(`${fault} skipped: ${variant}: ${reason}`),
    result: async (result) => {
      const { runs, attempts, findings, standstillMs, durationMs } = result;
      const seconds = (ms: number): string => (ms / 1000).toFixed(1);
      console.log(
        `    ${runs} runs, ${attempts} attempts, longest recovery ${seconds(standstillMs)} s, round of ${seconds(durationMs)} s`,
      );
      for (const { kind, text } of findings) console.log(`    ${kind.toUpperCase()}: ${text}`);
      if (evidence !== null) await keepEvidence(evidence, result);
    },
  };
}
