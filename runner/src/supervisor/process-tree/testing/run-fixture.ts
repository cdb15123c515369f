import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { killByMarker, listMarked } from "../kill-by-marker.ts";
import type { ProcessTree, SpawnTreeOptions, TreeKind } from "../process-tree.ts";
import { spawnTree } from "../spawn-tree.ts";

const POLL_MS = 5;
const WAIT_MS_MAX = 15_000;

export const TREE_KINDS: readonly TreeKind[] = ["pid-namespace", "process-group"];

/** Whole variables only: a test's environment must be known to the byte. */
export const BASE_ENV = { PATH: "/usr/bin:/bin" };

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export interface RunningFixture {
  readonly tree: ProcessTree;
  readonly marker: string;
  /** Everything of the tree that lives, our helpers included, found the way a stranger would. */
  marked(): number[];
}

const markers = new Set<string>();

export function makeMarker(): string {
  const marker = `test-${randomUUID()}`;
  markers.add(marker);
  return marker;
}

/** Starts `sh <fixture> <args…>` as an agent. */
export async function runFixture(
  kind: TreeKind,
  name: string,
  args: readonly string[] = [],
  options: Partial<SpawnTreeOptions> = {},
): Promise<RunningFixture> {
  return runCommand(kind, ["sh", fixturePath(name), ...args], options);
}

export async function runCommand(
  kind: TreeKind,
  argv: readonly string[],
  options: Partial<SpawnTreeOptions> = {},
): Promise<RunningFixture> {
  const marker = makeMarker();
  const tree = await spawnTree({ argv, cwd: "/", env: BASE_ENV, marker, kind, ...options });
  return { tree, marker, marked: () => listMarked(marker).map((info) => info.pid) };
}

/** For afterEach: ends what a failed test left behind, and says how much that was. */
export async function endAllFixtures(): Promise<number> {
  let killed = 0;
  for (const marker of markers) killed += await killByMarker(marker);
  markers.clear();
  return killed;
}

/** Reads until the text appears; what was read so far is returned. */
export async function readUntil(stream: Readable, text: string): Promise<string> {
  let read = "";
  return new Promise((resolve, reject) => {
    const stop = () => {
      stream.off("data", onData).off("end", onEnd);
    };
    const onData = (chunk: Buffer) => {
      read += chunk.toString("utf8");
      if (!read.includes(text)) return;
      stop();
      resolve(read);
    };
    const onEnd = () => {
      stop();
      reject(new Error(`the stream ended before ${JSON.stringify(text)}: ${JSON.stringify(read)}`));
    };
    stream.on("data", onData).on("end", onEnd);
  });
}

export async function readAll(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

export async function waitUntil(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(POLL_MS);
  }
}
