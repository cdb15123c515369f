import { helpText, parseArguments } from "./arguments.ts";
import { CELLS } from "./cells.ts";
import { runBench } from "./run-bench.ts";

const EXIT_USAGE = 2;
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}

async function main(): Promise<number> {
  let request: ReturnType<typeof parseArguments>;
  try {
    request = parseArguments(
      process.argv.slice(2),
      CELLS.map((cell) => cell.name),
    );
  } catch (error) {
    console.error((error as Error).message);
    return EXIT_USAGE;
  }
  if (request.help) {
    console.log(helpText(CELLS));
    return 0;
  }
  const cells = CELLS.filter((cell) => request.cells.length === 0 || request.cells.includes(cell.name));
  try {
    return await runBench(request, cells, interrupted.signal);
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
}

process.exitCode = await main();
