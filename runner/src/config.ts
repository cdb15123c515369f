import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import { ID_PATTERN, NAME_PATTERN } from "@parallax/shared/protocol/common";
import { z } from "zod";
import type { SupervisorTiming } from "./attempts/attempt-spec.ts";
import { type Environment, readSettings, type Settings } from "./command-line.ts";

export interface RunnerConfig {
  readonly coordinatorUrl: string;
  /** Serve only this one; null: all whose CLI is found. */
  readonly executor: string | null;
  readonly projectDir: string;
  readonly agentsDir: string | null;
  readonly stateDir: string;
  readonly token: string | null;
  /** Read again at every call, so that a key can be changed without a restart. */
  readonly tokenFile: string | null;
  readonly slots: number;
  readonly labels: readonly string[];
  readonly tags: readonly string[];
  readonly requireMatchingTags: boolean;
  readonly once: boolean;
  readonly runId: string | null;
  readonly drainTimeoutMs: number;
  readonly pollHoldMs: number;
  readonly heartbeatIntervalMs: number;
  /** Below this on the disk of the state directory no run is taken; 0: not looked at. */
  readonly minFreeBytes: number;
  readonly readinessIntervalMs: number;
  readonly verbose: boolean;
  /** Differences from the default limits. */
  readonly timing: Partial<SupervisorTiming>;
}

export type CommandLine =
  | { readonly kind: "help" }
  | { readonly kind: "list"; readonly config: RunnerConfig }
  | { readonly kind: "run"; readonly config: RunnerConfig };

const SUPERVISOR_LIMITS = [
  "frozenKillAfterMs",
  "stopInterruptGraceMs",
  "stopTermGraceMs",
  "resultGraceMs",
  "outputBytesMax",
] as const satisfies readonly (keyof SupervisorTiming)[];
const supervisorLimitsSchema = z.partialRecord(z.enum(SUPERVISOR_LIMITS), z.int().min(0));

const SLOTS_DEFAULT = 10;
const SLOTS_MAX = 10_000;
const MIN_FREE_MEBIBYTES_DEFAULT = 512;
const READINESS_INTERVAL_MS_MAX = 5_000;

/** Flags first, then the environment, then the defaults; everything outside its bounds is refused with its name. */
export function loadConfig(argv: readonly string[], env: Environment, cwd: string): CommandLine {
  const settings = readSettings(argv, env);
  if (settings.flag("help")) return { kind: "help" };
  refuseWhatIsNotThere(settings);
  const coordinatorUrl = readUrl(settings.text("coordinator-url") ?? "http://localhost:8765");
  const projectDir = resolve(cwd, settings.text("project-dir") ?? ".");
  const executor = readName(settings, "executor");
  const agentsDir = settings.text("agents-dir");
  const runId = readName(settings, "run", ID_PATTERN);
  const heartbeatIntervalMs =
    readNumber(settings, "heartbeat-interval", {
      fallback: DEFAULT_LIMITS.heartbeatIntervalMs / 1000,
      min: 0.05,
      max: 60,
    }) * 1000;
  const config: RunnerConfig = {
    coordinatorUrl,
    executor,
    projectDir,
    agentsDir: agentsDir === null ? null : resolve(cwd, agentsDir),
    stateDir: resolve(
      cwd,
      settings.text("state-dir") ?? defaultStateDir(env, [coordinatorUrl, projectDir, executor ?? "*"]),
    ),
    token: settings.text("token"),
    tokenFile: settings.text("token-file"),
    slots: readNumber(settings, "slots", { fallback: SLOTS_DEFAULT, min: 1, max: SLOTS_MAX, whole: true }),
    labels: readNames(settings, "labels"),
    tags: readNames(settings, "tags"),
    requireMatchingTags: settings.flag("require-matching-tags"),
    once: settings.flag("once") || runId !== null,
    runId,
    drainTimeoutMs: readNumber(settings, "drain-timeout", { fallback: 0, min: 0, max: 31_536_000 }) * 1000,
    pollHoldMs:
      readNumber(settings, "poll-timeout", { fallback: DEFAULT_LIMITS.pollHoldMs / 1000, min: 0, max: 60 }) * 1000,
    heartbeatIntervalMs,
    minFreeBytes:
      readNumber(settings, "min-free-disk", { fallback: MIN_FREE_MEBIBYTES_DEFAULT, min: 0, max: 1_000_000_000 }) *
      1024 *
      1024,
    readinessIntervalMs: Math.min(heartbeatIntervalMs, READINESS_INTERVAL_MS_MAX),
    verbose: settings.flag("verbose"),
    timing: readTiming(env),
  };
  return { kind: settings.flag("executor-list") ? "list" : "run", config };
}

/** Honoured or refused, never ignored. */
function refuseWhatIsNotThere(settings: Settings): void {
  const path = settings.text("executor-path");
  if (path !== null && settings.text("executor") !== null) {
    throw invalid("--executor and --executor-path exclude each other", "Give one of them.");
  }
  if (path !== null) {
    throw new ParallaxError(
      "unsupported_option",
      "--executor-path (AGENT_EXECUTOR_PATH) needs the script executor, which is not there yet",
      {
        hint: "Use --executor NAME; --executor-list shows the names.",
      },
    );
  }
  for (const runtime of splitList(settings.text("runtime") ?? "local")) {
    if (runtime === "local") continue;
    const known = runtime === "docker" || runtime === "kubernetes";
    const message = known ? `runtime ${runtime} is not there yet` : `there is no runtime ${JSON.stringify(runtime)}`;
    throw new ParallaxError("unsupported_option", message, { hint: "Use --runtime local." });
  }
  if (settings.text("token") !== null && settings.text("token-file") !== null) {
    throw invalid(
      "a token and a token file exclude each other",
      "Give one of them; a file is not seen by other users of this host.",
    );
  }
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw invalid(`${JSON.stringify(text)} is not the URL of a coordinator`, "It looks like http://localhost:8765.");
  }
  return url.href.replace(/\/+$/, "");
}

function readName(settings: Settings, name: string, pattern: RegExp = NAME_PATTERN): string | null {
  const text = settings.text(name);
  if (text !== null && !pattern.test(text))
    throw invalid(`--${name}: ${JSON.stringify(text)} is not a name`, "Letters, digits, _ and -.");
  return text;
}

function readNames(settings: Settings, name: string): string[] {
  const names = splitList(settings.text(name) ?? "");
  const bad = names.find((one) => !NAME_PATTERN.test(one));
  if (bad !== undefined)
    throw invalid(
      `--${name}: ${JSON.stringify(bad)} is not a name`,
      "Names of letters, digits, _ and -, with commas between.",
    );
  return names;
}

interface NumberBounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

function readNumber(settings: Settings, name: string, bounds: NumberBounds): number {
  const text = settings.text(name);
  if (text === null) return bounds.fallback;
  const value = Number(text);
  const fits =
    text.trim() !== "" &&
    value >= bounds.min &&
    value <= bounds.max &&
    (bounds.whole !== true || Number.isInteger(value));
  if (!fits)
    throw invalid(
      `--${name}: ${JSON.stringify(text)} is not a number from ${bounds.min} to ${bounds.max}`,
      "Seconds, where it is a time.",
    );
  return value;
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The same for the same coordinator, project and executor, so that a runner started again adopts what it left. */
function defaultStateDir(env: Environment, identity: readonly string[]): string {
  const root = env["XDG_STATE_HOME"] || join(env["HOME"] || homedir(), ".local", "state");
  const hash = createHash("sha256").update(identity.join("\n")).digest("hex").slice(0, 12);
  return join(root, "parallax", `runner-${hash}`);
}

/** The supervisors' own bounds as one JSON object; a name that is not one of them is refused. */
function readTiming(env: Environment): Partial<SupervisorTiming> {
  const text = env["PARALLAX_SUPERVISOR_LIMITS"];
  if (text === undefined || text === "") return {};
  const hint = `A JSON object with any of ${SUPERVISOR_LIMITS.join(", ")}.`;
  const parsed = supervisorLimitsSchema.safeParse(parseJson(text));
  if (!parsed.success) throw invalid("PARALLAX_SUPERVISOR_LIMITS is not understood", hint);
  return parsed.data as Partial<SupervisorTiming>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function invalid(message: string, hint: string): ParallaxError {
  return new ParallaxError("config_invalid", message, { hint });
}
