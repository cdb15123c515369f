import type { ChildProcessByStdio } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { killByMarker, listMarked } from "./kill-by-marker.ts";
import {
  BASE_ENV,
  endAllFixtures,
  fixturePath,
  makeMarker,
  readAll,
  readUntil,
  runFixture,
  waitUntil,
} from "./testing/run-fixture.ts";

const supervisors: ChildProcessByStdio<null, Readable, null>[] = [];

afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) supervisor.kill("SIGKILL");
  await endAllFixtures();
});

function startSupervisor(args: readonly string[], env: Record<string, string> = {}) {
  const supervisor = spawn(process.execPath, [fixturePath("supervisor.mjs"), ...args], {
    env: { ...BASE_ENV, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  supervisors.push(supervisor);
  return supervisor;
}

async function killSupervisorOf(kind: string, fixture: string): Promise<string> {
  const marker = makeMarker();
  const supervisor = startSupervisor([kind, marker, fixturePath(fixture)]);
  await readUntil(supervisor.stdout, "ready");
  expect(listMarked(marker).length).toBeGreaterThan(1);
  supervisor.kill("SIGKILL");
  await once(supervisor, "exit");
  return marker;
}

describe("when a supervisor is killed", () => {
  it.each(["leave-setsid-double-fork.sh", "ignore-term.sh", "fork-loop.sh"])(
    "the kernel ends its whole pid namespace: %s",
    async (fixture) => {
      const marker = await killSupervisorOf("pid-namespace", fixture);
      await waitUntil("nothing of the tree is left", () => listMarked(marker).length === 0);
    },
  );

  it("a sweep by marker ends what is left of its process group", async () => {
    const marker = await killSupervisorOf("process-group", "leave-setsid-double-fork.sh");
    await waitUntil("the kernel has ended the agent", () => listMarked(marker).length === 1);
    expect(await killByMarker(marker)).toBe(1);
    expect(listMarked(marker)).toEqual([]);
  });
});

describe("killing by marker", () => {
  it.each(["pid-namespace", "process-group"] as const)("ends a living %s and nobody else", async (kind) => {
    const victim = await runFixture(kind, "leave-setsid-double-fork.sh");
    const longer = makeMarker();
    const bystander = await runFixture(kind, "ignore-term.sh", [], { marker: `${victim.marker}.${longer}` });
    await Promise.all([readUntil(victim.tree.stdout, "ready"), readUntil(bystander.tree.stdout, "ready")]);
    expect(await killByMarker(victim.marker)).toBeGreaterThanOrEqual(2);
    expect(victim.marked()).toEqual([]);
    expect(await victim.tree.exited).toMatchObject({ signal: "SIGKILL" });
    expect(await bystander.tree.survivors()).toHaveLength(2);
    await bystander.tree.kill();
    expect(await killByMarker(victim.marker)).toBe(0);
  });

  it("spares the process that does it", async () => {
    const marker = makeMarker();
    const sleeper = spawn("sleep", ["1000"], { env: { ...BASE_ENV, PARALLAX_ATTEMPT: marker }, stdio: "ignore" });
    await once(sleeper, "spawn");
    const sweeper = startSupervisor(["sweep", marker], { PARALLAX_ATTEMPT: marker });
    expect((await readAll(sweeper.stdout)).toString()).toBe("killed 1\n");
    expect(sleeper.exitCode ?? sleeper.signalCode ?? (await once(sleeper, "exit"))[1]).toBe("SIGKILL");
  });

  it("refuses a marker that could match more than one attempt", async () => {
    for (const marker of ["", "a b", "a=b", "a\0b", "x".repeat(201)]) {
      await expect(killByMarker(marker)).rejects.toMatchObject({ code: "invalid_request" });
    }
  });
});

describe("a worker thread", () => {
  it("may not start a tree, because the tree would end with the thread", async () => {
    const module = JSON.stringify(new URL("./spawn-tree.ts", import.meta.url).href);
    const options = JSON.stringify({ argv: ["true"], cwd: "/", env: BASE_ENV, marker: makeMarker() });
    const code = `import(${module}).then((m) => m.spawnTree(${options}))
      .catch((error) => require("node:worker_threads").parentPort.postMessage(error.message))`;
    const worker = new Worker(code, { eval: true });
    const [message] = await once(worker, "message");
    expect(message).toContain("main thread");
    await worker.terminate();
  });
});
