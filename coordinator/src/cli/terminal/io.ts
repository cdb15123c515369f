/** Everything a command may touch of its process; made once in main.ts. */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan" | "magenta";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  /** True when a person watches stdout. */
  readonly isTty: boolean;
  readonly columns: number;
  /** Aborted by the first Ctrl-C, unless a listener serves signals itself. */
  readonly signal: AbortSignal;
  onSignal(listener: SignalListener): void;
  out(line: string): void;
  err(line: string): void;
  /** The text in this style, or as it is where colour is not wanted. */
  paint(style: Style | readonly Style[], text: string): string;
  readStdin(): Promise<string>;
}

export type SignalListener = (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void;

export interface Signals {
  readonly aborted: AbortSignal;
  onSignal(listener: SignalListener): void;
}

interface Streams {
  readonly stdin: AsyncIterable<unknown>;
  readonly stdout: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export function createIo(streams: Streams, env: Environment, cwd: string, signals: Signals): Io {
  const isTty = streams.stdout.isTTY === true;
  const isColoured = wantsColour(env, isTty);
  return {
    env,
    cwd,
    isTty,
    columns: streams.stdout.columns ?? 100,
    signal: signals.aborted,
    onSignal: signals.onSignal,
    out: (line) => void streams.stdout.write(`${line}\n`),
    err: (line) => void streams.stderr.write(`${line}\n`),
    paint: (style, text) => (isColoured ? styleText([style].flat() as Style[], text, { validateStream: false }) : text),
    async readStdin() {
      let text = "";
      for await (const chunk of streams.stdin) text += String(chunk);
      return text;
    },
  };
}

/** NO_COLOR wins over everything, FORCE_COLOR over the missing terminal. */
function wantsColour(env: Environment, isTty: boolean): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "" && env.FORCE_COLOR !== "0") return true;
  return isTty && env.TERM !== "dumb";
}
