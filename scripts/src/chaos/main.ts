import process from "node:process";
import { type ChaosRequest, helpText, parseArguments } from "./arguments.ts";
import { FAULTS } from "./faults.ts";
import { runChaos } from "./run-chaos.ts";

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (!interrupted.signal.aborted) console.error("… ending what runs");
    interrupted.abort(new Error(`interrupted by ${signal}`));
  });
}

async function main(): Promise<number> {
  let request: ChaosRequest;
  try {
    request = parseArguments(
      process.argv.slice(2),
      FAULTS.map(({ id }) => id),
    );
  } catch (error) {
    console.error((error as Error).message);
    return EXIT_USAGE;
  }
  if (request.help) {
    console.log(helpText(FAULTS));
    return 0;
  }
  try {
    return await runChaos(request, FAULTS, interrupted.signal);
  } catch (error) {
    console.error(interrupted.signal.aborted ? (interrupted.signal.reason as Error).message : error);
    return interrupted.signal.aborted ? EXIT_INTERRUPTED : 1;
  }
}

process.exitCode = await main();
