import { runEverything } from "./test-run/run-everything.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}
process.exitCode = await runEverything(process.argv.slice(2), interrupted.signal);
