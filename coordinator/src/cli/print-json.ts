import type { Io } from "./terminal/io.ts";
import { toSafeJson } from "./terminal/strip-controls.ts";

/** Indented for a person, one line for a program. */
export function printJson(io: Io, value: unknown): void {
  io.out(toSafeJson(value, io.isTty ? 2 : undefined));
}
