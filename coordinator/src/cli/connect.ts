/** Which coordinator, with which key. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import type { Client } from "@parallax/shared/sdk/client";
import { createClient } from "@parallax/shared/sdk/client";
import type { Flags, Option } from "./read-flags.ts";
import type { Io } from "./terminal/io.ts";

export const DEFAULT_PORT = 8765;
export const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_DATA_DIR = ".parallax";
export const KEY_FILE = "admin.key";
/** Written by `up` while it is running, so that the data directory alone is enough to find its coordinator. */
export const ADDRESS_FILE = "coordinator.json";

export const DATA_DIR_OPTION: Option = {
  name: "data-dir",
  value: "DIR",
  help: `data directory, default ${DEFAULT_DATA_DIR}`,
};

export const CONNECTION_OPTIONS: readonly Option[] = [
  { name: "url", value: "URL", help: "the coordinator; default: the one of the data directory" },
  { name: "key-file", value: "FILE", help: `file with the key; default <data-dir>/${KEY_FILE}` },
  DATA_DIR_OPTION,
];

export const JSON_OPTION: Option = { name: "json", help: "print JSON" };

export interface Connection {
  readonly url: string;
  readonly keyFile: string;
  readonly key: string | undefined;
  readonly client: Client;
}

export function dataDirOf(io: Io, flags: Flags): string {
  return resolve(io.cwd, flags.text("data-dir") ?? DEFAULT_DATA_DIR);
}

export async function connect(io: Io, flags: Flags): Promise<Connection> {
  const dataDir = dataDirOf(io, flags);
  const url = flags.text("url") ?? (await readAddress(dataDir)) ?? defaultUrl(io);
  const chosen = flags.text("key-file");
  const keyFile = chosen === undefined ? join(dataDir, KEY_FILE) : resolve(io.cwd, chosen);
  const key = await readKey(keyFile, chosen !== undefined);
  return { url, keyFile, key, client: createClient({ baseUrl: url, key }) };
}

function defaultUrl(io: Io): string {
  return `http://${io.env.PARALLAX_HOST || DEFAULT_HOST}:${io.env.PARALLAX_PORT || DEFAULT_PORT}`;
}

async function readAddress(dataDir: string): Promise<string | undefined> {
  try {
    const value = JSON.parse(await readFile(join(dataDir, ADDRESS_FILE), "utf8")) as { url?: unknown } | null;
    return typeof value?.url === "string" ? value.url : undefined;
  } catch {
    return undefined; // no `up` has run here, or it is just being written
  }
}

/** A default key file that is not there is no error: the coordinator may run without authentication, or will say 401. */
async function readKey(file: string, isChosen: boolean): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    if (!isChosen && (cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ParallaxError("config_invalid", `the key file ${file} cannot be read`, {
      hint: "Name the right one with --key-file, or read it as the user who started the coordinator.",
      cause,
    });
  }
}
