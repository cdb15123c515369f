import type { Command } from "../command.ts";
import { EXIT_CODE_MEANINGS, EXIT_CODES, UsageError } from "../exit-codes.ts";
import type { Option } from "../read-flags.ts";
import { envNameOf } from "../read-flags.ts";
import type { Io } from "../terminal/io.ts";

export function createHelpCommand(commands: () => readonly Command[]): Command {
  return {
    name: "help",
    summary: "this text, or the page of a command",
    operands: "[command]",
    options: [],
    async run(io, flags) {
      const [name] = flags.operands;
      if (name === undefined) printOverview(io, commands());
      else {
        const command = commands().find((one) => one.name === name);
        if (command === undefined) throw new UsageError(`there is no command ${JSON.stringify(name)}`);
        printPage(io, command);
      }
      return EXIT_CODES.ok;
    },
  };
}

export function printOverview(io: Io, commands: readonly Command[]): void {
  io.out(`${io.paint("bold", "parallax")} <command> [flags]`);
  io.out("");
  const width = Math.max(...commands.map((command) => command.name.length));
  for (const command of commands) io.out(`  ${io.paint("cyan", command.name.padEnd(width))}  ${command.summary}`);
  io.out("");
  io.out("parallax help <command> lists its flags. Every flag is an environment variable too.");
  io.out("");
  io.out(io.paint("bold", "exit codes"));
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    io.out(`  ${String(code).padStart(3)}  ${EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES]}`);
  }
}

export function printPage(io: Io, command: Command): void {
  io.out(`${io.paint("bold", `parallax ${command.name}`)} ${command.operands}`.trimEnd());
  io.out(`  ${command.summary}`);
  if (command.options.length > 0) io.out("");
  const rows = command.options.map((option) => ({ option, spelling: spell(option) }));
  const width = Math.max(0, ...rows.map(({ spelling }) => spelling.length));
  const envWidth = Math.max(0, ...rows.map(({ option }) => envNameOf(option).length));
  for (const { option, spelling } of rows) {
    io.out(
      `  ${io.paint("cyan", spelling.padEnd(width))}  ${io.paint("dim", envNameOf(option).padEnd(envWidth))}  ${option.help}`,
    );
  }
  for (const note of command.notes ?? []) io.out(`\n${note}`);
}

function spell(option: Option): string {
  const short = option.short === undefined ? "   " : `-${option.short},`;
  return `${short} --${option.name}${option.value === undefined ? "" : ` ${option.value}`}`;
}
