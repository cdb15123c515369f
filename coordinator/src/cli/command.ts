/** What a command is; main.ts and help.ts know nothing more about any of them. */
import type { Flags, Option } from "./read-flags.ts";
import type { Io } from "./terminal/io.ts";

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Behind the name in the usage line. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** Paragraphs of its help page. */
  readonly notes?: readonly string[];
  /** Returns the exit code. */
  run(io: Io, flags: Flags): Promise<number>;
}
