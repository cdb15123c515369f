/** Where cells work: a folder of their own, and the certainty that nothing of them is left when the bench ends. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { ROOT } from "../repository.ts";
import { endLeftovers, MARKER_VARIABLE } from "../test-run/leftovers.ts";

export interface Workshop {
  /** How often to measure; null: as the cell finds right. */
  readonly rounds: number | null;
  readonly signal: AbortSignal;
  /** An environment like that of a person who has only just come: our own tools and settings are not in it. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes an empty folder that other users may pass through: as root, Postgres runs as one of them. */
  makeFolder(name: string): string;
  /** For a person who waits. */
  say(text: string): void;
}

export interface OpenWorkshop extends Workshop {
  /** Ends whatever still runs, removes the folder, and names the processes that should have been gone. */
  close(): Promise<readonly string[]>;
}

const END_GRACE_MS = 5_000;
const OWN_SETTINGS =
  /^(PARALLAX_|AGENT_|DATABASE_URL$|REDIS_URL$|PROJECT_DIR$|POLL_TIMEOUT$|HEARTBEAT_INTERVAL$|NODE_OPTIONS$|NODE_ENV$)/;

export function openWorkshop(rounds: number | null, signal: AbortSignal, say: (text: string) => void): OpenWorkshop {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "parallax-bench-")));
  chmodSync(folder, 0o755);
  const marker = randomBytes(12).toString("hex");
  return {
    rounds,
    signal,
    say,
    env: { ...cleanEnvironment(process.env), [MARKER_VARIABLE]: marker },
    makeFolder: (name) => {
      const made = join(folder, name);
      mkdirSync(made);
      return made;
    },
    close: async () => {
      const left = await endLeftovers({ marker, folder }, END_GRACE_MS);
      rmSync(folder, { recursive: true, force: true });
      return left.map(({ pid, command }) => `${pid}: ${command}`);
    },
  };
}

export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN_SETTINGS.test(entry[0]),
  );
  const clean = Object.fromEntries(kept);
  const path = (clean["PATH"] ?? "")
    .split(delimiter)
    .filter((directory) => !directory.startsWith(join(ROOT, "node_modules")));
  return { ...clean, PATH: path.join(delimiter) };
}
