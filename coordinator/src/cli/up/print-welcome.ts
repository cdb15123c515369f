import { relative } from "node:path";
import type { Io } from "../terminal/io.ts";
import { CLI_PROGRAM } from "./places.ts";

export interface Welcome {
  readonly url: string;
  readonly keyFile: string;
  readonly hasRunner: boolean;
}

/** Where to look, and commands that work when they are pasted, from any directory of this machine. */
export function printWelcome(io: Io, { url, keyFile, hasRunner }: Welcome): void {
  const near = relative(io.cwd, CLI_PROGRAM);
  const program = near.startsWith("..") ? CLI_PROGRAM : near;
  const row = (name: string, value: string) => io.out(`  ${io.paint("dim", name.padEnd(12))}${value}`);
  io.out("");
  io.out(
    `${io.paint(["bold", "green"], "Parallax is up.")}${hasRunner ? "" : io.paint("yellow", " Without a runner: runs wait.")}`,
  );
  row("coordinator", io.paint("cyan", url));
  row("key", keyFile);
  io.out("");
  io.out(io.paint("dim", "  a first run, without a model:"));
  io.out(`  ${quote(program)} run --executor test --follow "hello" --url ${url} --key-file ${quote(keyFile)}`);
  io.out("");
  io.out(io.paint("dim", "  the same over HTTP:"));
  io.out(`  ${curlCommand(url, keyFile)}`);
  io.out("");
  io.out(io.paint("dim", "  Ctrl-C ends it."));
}

export function curlCommand(url: string, keyFile: string): string {
  const body = JSON.stringify({ type: "start_session", executor: "test", prompt: "hello" });
  return [
    `curl -sS ${url}/runs`,
    `-H "Authorization: Bearer $(cat ${quote(keyFile)})"`,
    `-H "Content-Type: application/json"`,
    `-d '${body}'`,
  ].join(" ");
}

/** For a POSIX shell; plain paths stay readable. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
