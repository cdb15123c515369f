import { parseArgs } from "node:util";
import { ParallaxError } from "@parallax/shared/errors";

export type Environment = Readonly<Record<string, string | undefined>>;

interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** Every flag is an environment variable too. */
  readonly variable?: string;
  readonly value?: string;
  readonly help: string;
}

const OPTIONS: Readonly<Record<string, Option>> = {
  "coordinator-url": {
    type: "string",
    short: "c",
    variable: "AGENT_ORCHESTRATOR_API_URL",
    value: "URL",
    help: "default http://localhost:8765",
  },
  executor: {
    type: "string",
    short: "x",
    variable: "PARALLAX_EXECUTOR",
    value: "NAME",
    help: "serve only this executor; default: all whose CLI is found",
  },
  "executor-list": { type: "boolean", short: "l", help: "list the executors and what was found of them, and exit" },
  "executor-path": {
    type: "string",
    short: "e",
    variable: "AGENT_EXECUTOR_PATH",
    value: "PATH",
    help: "a script as executor; not there yet",
  },
  "project-dir": {
    type: "string",
    short: "p",
    variable: "PROJECT_DIR",
    value: "DIR",
    help: "where runs work that name no directory; default: here",
  },
  verbose: { type: "boolean", short: "v", variable: "PARALLAX_VERBOSE", help: "say more" },
  runtime: {
    type: "string",
    variable: "PARALLAX_RUNTIME",
    value: "LIST",
    help: "local; docker and kubernetes are not there yet",
  },
  slots: { type: "string", variable: "PARALLAX_SLOTS", value: "N", help: "runs at once; default 10" },
  labels: { type: "string", variable: "PARALLAX_LABELS", value: "A,B", help: "labels of this runner" },
  tags: { type: "string", variable: "PARALLAX_TAGS", value: "A,B", help: "tags that runs may demand" },
  "require-matching-tags": {
    type: "boolean",
    variable: "PARALLAX_REQUIRE_MATCHING_TAGS",
    help: "take only runs that demand a tag of this runner",
  },
  "state-dir": {
    type: "string",
    variable: "PARALLAX_STATE_DIR",
    value: "DIR",
    help: "identity and running attempts; default ~/.local/state/parallax/runner-<hash>",
  },
  token: {
    type: "string",
    variable: "PARALLAX_TOKEN",
    value: "KEY",
    help: "key of the coordinator; seen by other users of this host, better in a file",
  },
  "token-file": {
    type: "string",
    variable: "PARALLAX_TOKEN_FILE",
    value: "FILE",
    help: "file with the key; read again when it changes",
  },
  "agents-dir": {
    type: "string",
    variable: "PARALLAX_AGENTS_DIR",
    value: "DIR",
    help: "where `scripts/up --with` installed agent CLIs",
  },
  once: { type: "boolean", variable: "PARALLAX_ONCE", help: "take one run, wait for its end, exit" },
  run: {
    type: "string",
    variable: "PARALLAX_RUN",
    value: "ID",
    help: "take exactly this run, wait for its end, exit; 75 if it is not to be had",
  },
  "drain-timeout": {
    type: "string",
    variable: "PARALLAX_DRAIN_TIMEOUT",
    value: "S",
    help: "longest wait for runs after the first Ctrl-C; default 0, for ever",
  },
  "min-free-disk": {
    type: "string",
    variable: "PARALLAX_MIN_FREE_DISK",
    value: "MIB",
    help: "take no runs while less is free where the state directory is; default 512, 0 is never",
  },
  "poll-timeout": { type: "string", variable: "POLL_TIMEOUT", value: "S", help: "how long a poll is held; default 25" },
  "heartbeat-interval": { type: "string", variable: "HEARTBEAT_INTERVAL", value: "S", help: "default 10" },
  help: { type: "boolean", short: "h", help: "this text" },
};

/** What was given, by its long name; an empty text counts as not given. */
export interface Settings {
  text(name: string): string | null;
  flag(name: string): boolean;
}

const YES: ReadonlySet<string> = new Set(["1", "true", "yes", "on"]);

export function readSettings(argv: readonly string[], env: Environment): Settings {
  const given = parse(argv);
  const fromEnv = (name: string): string | null => {
    const variable = OPTIONS[name]?.variable;
    return (variable === undefined ? undefined : env[variable]) || null;
  };
  return {
    text: (name) => {
      const value = given[name];
      return (typeof value === "string" && value !== "" ? value : null) ?? counterpartOf(name, given, fromEnv);
    },
    flag: (name) => given[name] === true || YES.has((fromEnv(name) ?? "").toLowerCase()),
  };
}

/** A flag wins over the variable of the flag that it excludes, not only over its own. */
const EXCLUDES: Readonly<Record<string, string>> = {
  executor: "executor-path",
  "executor-path": "executor",
  token: "token-file",
  "token-file": "token",
};

function counterpartOf(
  name: string,
  given: Readonly<Record<string, unknown>>,
  fromEnv: (name: string) => string | null,
): string | null {
  const other = EXCLUDES[name];
  return other !== undefined && typeof given[other] === "string" ? null : fromEnv(name);
}

function parse(argv: readonly string[]): Readonly<Record<string, unknown>> {
  const options = Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { type, short }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }) },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new ParallaxError("config_invalid", error instanceof Error ? error.message : String(error), {
      hint: "See --help.",
    });
  }
}

export function helpText(): string {
  const lines = Object.entries(OPTIONS).map(([name, option]) => {
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    const flag = `${short}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
    const variable = option.variable === undefined ? "" : ` [${option.variable}]`;
    return `  ${flag.padEnd(30)} ${option.help}${variable}`;
  });
  return [
    "Usage: runner/runner [options]",
    "",
    "Takes runs from a coordinator and supervises the agents that do them.",
    "",
    ...lines,
    "",
    "The first Ctrl-C takes no more runs and waits, the second stops the runs, the third exits; what still runs then goes on and is",
    "taken over by the next runner with the same state directory.",
    "",
    'PARALLAX_SUPERVISOR_LIMITS changes bounds of the supervisors, as JSON: {"stopInterruptGraceMs": 10000, "stopTermGraceMs": 10000,',
    '"resultGraceMs": 30000, "frozenKillAfterMs": 900000, "outputBytesMax": 1073741824}.',
    "",
  ].join("\n");
}
