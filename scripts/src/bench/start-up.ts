/** Runs `scripts/up` as a person does and measures how long it takes until GET /health answers 200. */
import { type ChildProcess, spawn } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Workshop } from "./workshop.ts";

export interface StartRequest {
  readonly checkout: string;
  readonly dataDir: string;
  /** Where a coordinator that runs as root keeps its database. */
  readonly systemDir: string;
}

const HEALTHY_MS_MAX = 300_000;
const LOOK_EVERY_MS = 10;
const END_MS_MAX = 30_000;
const LAST_LINES = 30;

/** Milliseconds from the start of the command to the first healthy answer. The command has ended when this resolves. */
export async function measureStart(workshop: Workshop, request: StartRequest): Promise<number> {
  const port = await findFreePort();
  const startedAt = performance.now();
  const up = spawnUp(workshop, request, port);
  try {
    await waitForHealth(port, up, workshop.signal);
    return performance.now() - startedAt;
  } finally {
    await endUp(up.child);
  }
}

interface Up {
  readonly child: ChildProcess;
  readonly output: readonly string[];
}

function spawnUp(workshop: Workshop, { checkout, dataDir, systemDir }: StartRequest, port: number): Up {
  const child = spawn(join(checkout, "scripts/up"), ["--port", String(port), "--data-dir", dataDir], {
    cwd: checkout,
    env: { ...workshop.env, PARALLAX_SYSTEM_DIR: systemDir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output.push(...text.split("\n").filter((line) => line !== ""));
      output.splice(0, Math.max(0, output.length - LAST_LINES));
    });
  }
  return { child, output };
}

async function waitForHealth(port: number, { child, output }: Up, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + HEALTHY_MS_MAX;
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    if (spawnError !== null) throw spawnError;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`scripts/up ended with ${child.exitCode ?? child.signalCode}:\n${output.join("\n")}`);
    if (await isHealthy(port)) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`no healthy answer within ${HEALTHY_MS_MAX / 1_000} s:\n${output.join("\n")}`);
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** SIGINT as from a terminal: the runner drains, nothing runs, so it ends at once. */
async function endUp(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
  await ended;
  clearTimeout(timer);
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
