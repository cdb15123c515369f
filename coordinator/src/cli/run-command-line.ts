/** From arguments to an exit code: finds the command, reads its flags, tells errors. */
import { isParallaxError } from "@parallax/shared/errors";
import type { Command } from "./command.ts";
import { printOverview, printPage } from "./commands/help.ts";
import { JSON_OPTION } from "./connect.ts";
import { EXIT_CODES, exitCodeOf, UsageError } from "./exit-codes.ts";
import type { Option } from "./read-flags.ts";
import { readFlags } from "./read-flags.ts";
import type { Io } from "./terminal/io.ts";
import { stripControls, toSafeJson } from "./terminal/strip-controls.ts";

const HELP_OPTION: Option = { name: "help", short: "h", help: "this page" };

export async function runCommandLine(io: Io, commands: readonly Command[], args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    printOverview(io, commands);
    return name === undefined ? EXIT_CODES.usage : EXIT_CODES.ok;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) {
    return tellError(io, new UsageError(`there is no command ${JSON.stringify(name)}`), "help", false);
  }
  let asJson = rest.includes(`--${JSON_OPTION.name}`);
  try {
    const flags = readFlags([...command.options, HELP_OPTION], rest, io.env);
    if (flags.isGiven("help")) {
      printPage(io, command);
      return EXIT_CODES.ok;
    }
    asJson = command.options.some((option) => option.name === JSON_OPTION.name) && flags.isOn(JSON_OPTION.name);
    return await command.run(io, flags);
  } catch (error) {
    if (io.signal.aborted) return EXIT_CODES.interrupted;
    return tellError(io, error, `help ${command.name}`, asJson);
  }
}

function tellError(io: Io, error: unknown, helpPage: string, asJson: boolean): number {
  const code = error instanceof UsageError ? "usage" : isParallaxError(error) ? error.code : "internal";
  const message = stripControls(error instanceof Error ? error.message : String(error));
  const hint =
    error instanceof UsageError ? `See: parallax ${helpPage}` : isParallaxError(error) ? error.hint : undefined;
  if (asJson) {
    const details = isParallaxError(error) ? error.details : undefined;
    io.err(toSafeJson({ error: { code, message, hint, details } }));
    return exitCodeOf(error);
  }
  io.err(`${io.paint("red", "error:")} ${message}${isParallaxError(error) ? io.paint("dim", ` (${code})`) : ""}`);
  if (hint !== undefined) io.err(`${io.paint("yellow", "hint:")} ${stripControls(hint)}`);
  for (const line of lastLinesOf(error)) io.err(io.paint("dim", `  | ${stripControls(line)}`));
  // an error that is none of ours is a mistake of this program: its origin matters
  if (!isParallaxError(error) && !(error instanceof UsageError) && error instanceof Error && error.stack !== undefined)
    io.err(io.paint("dim", error.stack));
  return exitCodeOf(error);
}

/** What a process said before it ended. */
function lastLinesOf(error: unknown): string[] {
  const lines = isParallaxError(error) ? error.details?.last_lines : undefined;
  return Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
}
