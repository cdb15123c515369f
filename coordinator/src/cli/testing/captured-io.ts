/** An Io that remembers what was printed. */
import { tmpdir } from "node:os";
import type { Environment, Io } from "../terminal/io.ts";
import { createIo } from "../terminal/io.ts";

export interface CapturedIo extends Io {
  stdout(): string;
  stderr(): string;
}

interface Choices {
  readonly env?: Environment;
  readonly isTty?: boolean;
  readonly columns?: number;
  readonly stdin?: string;
  readonly cwd?: string;
  readonly aborted?: AbortSignal;
}

export function captureIo(choices: Choices = {}): CapturedIo {
  const out: string[] = [];
  const err: string[] = [];
  const stream = (sink: string[]) => ({ write: (text: string) => sink.push(text) });
  const io = createIo(
    {
      stdin: (async function* () {
        yield choices.stdin ?? "";
      })(),
      stdout: { ...stream(out), isTTY: choices.isTty ?? false, columns: choices.columns ?? 80 },
      stderr: stream(err),
    },
    choices.env ?? {},
    choices.cwd ?? tmpdir(),
    { aborted: choices.aborted ?? new AbortController().signal, onSignal: () => {} },
  );
  return { ...io, stdout: () => out.join(""), stderr: () => err.join("") };
}
