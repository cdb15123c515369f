/** The command line `parallax`. Everything it touches of its process is handed on from here. */
import process from "node:process";
import { commands } from "./commands.ts";
import { runCommandLine } from "./run-command-line.ts";
import { serveSignals } from "./serve-signals.ts";
import { createIo } from "./terminal/io.ts";

// a reader that went away (`| head`) is no error
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const io = createIo(process, process.env, process.cwd(), serveSignals(process));
process.exitCode = await runCommandLine(io, commands, process.argv.slice(2));
