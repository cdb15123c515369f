/** What is left when a part of `up` is killed instead of ended. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { killCluster } from "../../embedded/cluster-processes.ts";
import { listProcessesBelow } from "../../embedded/testing/temporary-postgres.ts";
import { removeDatabase } from "../demo/remove-database.ts";
import type { Up } from "../testing/up-process.ts";
import { processesOf, startUp } from "../testing/up-process.ts";

let dir = "";
const started: Up[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "parallax-hard-"));
});
afterEach(async () => {
  for (const up of started.splice(0)) {
    up.process.kill("SIGTERM");
    await up.exit;
  }
  for (const pid of [...new Set(Object.values(address()).filter((value) => typeof value === "number"))]) endNow(pid);
  await killCluster(clusterDir());
  await removeDatabase(join(dir, ".parallax"));
  rmSync(dir, { recursive: true, force: true });
});

function up(...args: readonly string[]): Up {
  const one = startUp(dir, args);
  started.push(one);
  return one;
}

function address(): { pid?: number; runner_pid?: number; up_pid?: number } {
  try {
    return JSON.parse(readFileSync(join(dir, ".parallax/coordinator.json"), "utf8"));
  } catch {
    return {};
  }
}

function clusterDir(): string {
  const log = readFileSync(join(dir, ".parallax/logs/coordinator.log"), "utf8");
  return /"clusterDir":"([^"]+)"/.exec(log)?.[1] ?? "";
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}

const isAlive = (pid: number | undefined) => {
  if (pid === undefined) return false;
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("a hard end", { timeout: 150_000 }, () => {
  test("leaves no database behind when the coordinator does not hear and is killed", async () => {
    const fleet = up("--port", "0", "--no-runner");
    await fleet.shows(/Ctrl-C ends it/);
    const cluster = clusterDir();
    expect(await listProcessesBelow(cluster)).not.toEqual([]);
    process.kill(address().pid ?? 0, "SIGSTOP");
    for (let press = 0; press < 3; press += 1) {
      fleet.process.kill("SIGINT");
      await sleep(50); // between two signals that must not become one
    }
    expect(await fleet.exit).toBe(0);
    expect(await listProcessesBelow(cluster)).toEqual([]);
    expect(processesOf(dir)).toEqual([]);
  });

  test("of `up` itself leaves its parts at work, and the next one says with which command they are ended", async () => {
    const first = up("--port", "0");
    const [, url = ""] = await first.shows(/coordinator (http:\S+)/);
    await first.shows(/Ctrl-C ends it/);
    const { pid, runner_pid, up_pid } = address();
    expect(up_pid).toBe(first.process.pid);
    expect([pid, runner_pid].map(isAlive)).toEqual([true, true]);
    first.process.kill("SIGKILL");
    await first.exit;

    for (const port of [new URL(url).port, "0"]) {
      const next = up("--port", port);
      expect(await next.exit).toBe(9);
      expect(next.output()).toContain(`kill ${pid} ${runner_pid}`);
    }
    const cluster = clusterDir();
    for (const one of [pid, runner_pid]) process.kill(one ?? 0, "SIGTERM");
    while ([pid, runner_pid].some(isAlive)) await sleep(20);
    expect(await listProcessesBelow(cluster)).toEqual([]);
    const again = up("--port", "0", "--no-runner");
    await again.shows(/Ctrl-C ends it/);
  });
});
