/** Flags of a command: from the command line first, then from its environment variable. Nothing unknown passes. */
import { parseArgs } from "node:util";
import { UsageError } from "./exit-codes.ts";
import type { Environment } from "./terminal/io.ts";

export interface Option {
  readonly name: string;
  readonly short?: string;
  /** Name of the value in the help page; a switch has none. */
  readonly value?: string;
  /** May be given several times; in the environment separated by commas. */
  readonly isList?: boolean;
  readonly help: string;
  /** Default: PARALLAX_ and the name. */
  readonly env?: string;
}

export interface Flags {
  readonly operands: readonly string[];
  isOn(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  /** A whole number in the range; anything else is a usage error. */
  number(name: string, range: { readonly min: number; readonly max: number }): number | undefined;
  /** True when it came from the command line itself. */
  isGiven(name: string): boolean;
}

export function envNameOf(option: Option): string {
  return option.env ?? `PARALLAX_${option.name.replaceAll("-", "_").toUpperCase()}`;
}

export function readFlags(options: readonly Option[], args: readonly string[], env: Environment): Flags {
  const { values, positionals } = parse(options, args);
  const given = (name: string): string | boolean | readonly (string | boolean)[] | undefined => values[name];
  const find = (name: string) => {
    const option = options.find((one) => one.name === name);
    if (option === undefined) throw new Error(`the command has no option --${name}`);
    return option;
  };
  const fromEnv = (name: string) => env[envNameOf(find(name))] || undefined;

  const flags: Flags = {
    operands: positionals,
    isGiven: (name) => given(name) !== undefined,
    isOn: (name) => (given(name) === undefined ? readSwitch(find(name), fromEnv(name)) : given(name) === true),
    text(name) {
      const value = given(name) ?? fromEnv(name);
      return typeof value === "string" ? value : undefined;
    },
    list(name) {
      const value = given(name) ?? fromEnv(name)?.split(",");
      return Array.isArray(value) ? value.map((item) => String(item).trim()).filter((item) => item !== "") : [];
    },
    number(name, { min, max }) {
      const text = flags.text(name);
      if (text === undefined) return undefined;
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= min && value <= max) return value;
      throw new UsageError(`--${name} needs a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
    },
  };
  return flags;
}

function parse(options: readonly Option[], args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        options.map((option) => [
          option.name,
          {
            type: option.value === undefined ? ("boolean" as const) : ("string" as const),
            ...(option.short === undefined ? {} : { short: option.short }),
            ...(option.isList === true ? { multiple: true } : {}),
          },
        ]),
      ),
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readSwitch(option: Option, value: string | undefined): boolean {
  if (value === undefined || /^(0|false|no|off)$/i.test(value)) return false;
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  throw new UsageError(`${envNameOf(option)} needs 1 or 0, not ${JSON.stringify(value)}`);
}
