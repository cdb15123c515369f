import { hostname, networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { DEFAULT_LIMITS, type Limits } from "@parallax/shared/limits";

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Null: a Postgres of our own in the data directory. */
  readonly databaseUrl: string | null;
  /** Where a coordinator that runs as root keeps the embedded Postgres's own files; null: /var/lib/parallax. */
  readonly systemDir: string | null;
  readonly authOff: boolean;
  readonly allowedHosts: readonly string[];
  readonly logLevel: string;
  readonly limits: Limits;
}

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

/** The only reader of the environment. Refuses what it does not understand instead of guessing. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const host = env["PARALLAX_HOST"] ?? "127.0.0.1";
  const authOff = readAuthOff(env["PARALLAX_AUTH"], host);
  if (env["REDIS_URL"] !== undefined && env["REDIS_URL"] !== "") {
    throw new ParallaxError("config_invalid", "REDIS_URL is set, but this version queues on Postgres only", {
      hint: "unset REDIS_URL",
    });
  }
  const databaseUrl = env["DATABASE_URL"];
  return {
    host,
    port: readPort(env["PARALLAX_PORT"] ?? "8765"),
    dataDir: resolve(env["PARALLAX_DATA_DIR"] ?? ".parallax"),
    databaseUrl: databaseUrl === undefined || databaseUrl === "" ? null : databaseUrl,
    systemDir: env["PARALLAX_SYSTEM_DIR"] ?? null,
    authOff,
    allowedHosts: [
      "localhost",
      host,
      ...(LOOPBACK.has(host) ? [] : ownNames()),
      ...list(env["PARALLAX_ALLOWED_HOSTS"]),
    ],
    logLevel: env["PARALLAX_LOG_LEVEL"] ?? "info",
    limits: readLimits(env),
  };
}

function readPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new ParallaxError("config_invalid", `PARALLAX_PORT: '${text}' is not a port`, {
      hint: "a number from 0 (any free one) to 65535",
    });
  return port;
}

function readAuthOff(value: string | undefined, host: string): boolean {
  if (value === undefined || value === "" || value === "on") return false;
  if (value !== "off") throw new ParallaxError("config_invalid", `PARALLAX_AUTH: '${value}' is neither on nor off`);
  if (!LOOPBACK.has(host))
    throw new ParallaxError("config_invalid", "PARALLAX_AUTH=off is accepted on loopback only", {
      hint: "bind to 127.0.0.1 or leave authentication on",
    });
  return true;
}

/** PARALLAX_LIMIT_LEASE_TTL_MS=30000 sets leaseTtlMs. */
function readLimits(env: Readonly<Record<string, string | undefined>>): Limits {
  const limits: Record<string, number> = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(env)) {
    const match = /^PARALLAX_LIMIT_([A-Z0-9_]+)$/.exec(name);
    if (match === null || value === undefined) continue;
    const key = (match[1] ?? "")
      .toLowerCase()
      .replaceAll(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
    const number = Number(value);
    if (!Object.hasOwn(DEFAULT_LIMITS, key))
      throw new ParallaxError("config_invalid", `${name}: no such limit`, { hint: "shared/src/limits.ts lists them" });
    if (!Number.isFinite(number) || number < 0)
      throw new ParallaxError("config_invalid", `${name}: '${value}' is not a number of 0 or more`);
    limits[key] = number;
  }
  return limits as unknown as Limits;
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).map((entry) => entry.address),
  );
  return [hostname(), ...addresses];
}
