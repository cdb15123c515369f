import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { sendSignal } from "./read-processes.ts";
import { endAllFixtures, readAll, readUntil, runFixture, TREE_KINDS } from "./testing/run-fixture.ts";

afterEach(endAllFixtures);

const LEAVERS = [
  { name: "leave-plain-child.sh", left: 2 },
  { name: "leave-nohup.sh", left: 1 },
  { name: "leave-double-fork.sh", left: 1 },
  { name: "leave-setsid-double-fork.sh", left: 1 },
];

describe.each(TREE_KINDS)("a tree held by a %s", (kind) => {
  it.each(LEAVERS)("is empty once the agent has ended: $name", async ({ name, left }) => {
    const { tree, marked } = await runFixture(kind, name);
    await readUntil(tree.stdout, "ready");
    expect(marked().length).toBeGreaterThan(left);
    tree.stdin.end("go\n");
    const exit = await tree.exited;
    expect(exit).toMatchObject({ exitCode: 0, signal: null, survivorsKilled: left, survivorsLeft: 0 });
    expect(marked()).toEqual([]);
    expect(await tree.survivors()).toEqual([]);
  });

  it.each(LEAVERS)("is empty once it was killed: $name", async ({ name }) => {
    const { tree, marked } = await runFixture(kind, name);
    await readUntil(tree.stdout, "ready");
    await tree.kill();
    expect(marked()).toEqual([]);
    expect(await tree.exited).toMatchObject({ exitCode: null, signal: "SIGKILL", survivorsLeft: 0 });
  });

  it("is empty once it was killed although it forks without end", async () => {
    const { tree, marked } = await runFixture(kind, "fork-loop.sh");
    await readUntil(tree.stdout, "ready");
    await expect.poll(async () => (await tree.survivors()).length, { timeout: 15_000 }).toBeGreaterThan(20);
    await tree.kill();
    expect(marked()).toEqual([]);
    expect((await tree.exited).survivorsKilled).toBeGreaterThan(10);
  });

  it("ends an agent that ignores TERM, at the kill and not before", async () => {
    const { tree, marked } = await runFixture(kind, "ignore-term.sh");
    await readUntil(tree.stdout, "ready");
    expect(await tree.signal("SIGTERM")).toBe(true);
    expect(await tree.signal("SIGINT")).toBe(true);
    expect(await tree.survivors()).toHaveLength(2);
    await Promise.all([tree.kill(), tree.kill()]);
    await tree.kill();
    expect(marked()).toEqual([]);
    expect(await tree.signal("SIGTERM")).toBe(false);
  });

  it("ends by the kill even if the agent had hardly been started", async () => {
    for (let delayMs = 0; delayMs < 12; delayMs++) {
      const { tree, marked } = await runFixture(kind, "ignore-term.sh");
      await sleep(delayMs);
      await tree.kill();
      expect(await tree.exited).toMatchObject({ exitCode: null, signal: "SIGKILL", survivorsLeft: 0 });
      expect(marked()).toEqual([]);
    }
  });

  it("is not mistaken for a later one that got its identity", async () => {
    const earlier = await runFixture(kind, "ignore-term.sh");
    await earlier.tree.kill();
    await earlier.tree.exited;
    const later = await runFixture(kind, "ignore-term.sh");
    await readUntil(later.tree.stdout, "ready");
    expect(await earlier.tree.survivors()).toEqual([]);
    await earlier.tree.kill();
    expect(await later.tree.survivors()).toHaveLength(2);
    await later.tree.kill();
  });

  it("shows the agent's own number in the owner's namespace, leading its own session", async () => {
    const { tree } = await runFixture(kind, "leave-plain-child.sh");
    await readUntil(tree.stdout, "ready");
    const pid = await tree.agentPid();
    expect(await tree.survivors()).toContain(pid);
    expect(await tree.survivors()).toHaveLength(3);
    expect(sendSignal(-(pid ?? 0), "SIGKILL")).toBe(true);
    expect(await tree.exited).toMatchObject({ exitCode: null, signal: "SIGKILL" });
  });
});

describe("a daemon without parent, session and environment, holding stdout", () => {
  it("ends with the agent's pid namespace", async () => {
    const { tree } = await runFixture("pid-namespace", "leave-hidden-daemon.sh");
    await readUntil(tree.stdout, "hidden");
    tree.stdin.end("go\n");
    expect(await tree.exited).toMatchObject({ exitCode: 0, survivorsKilled: 1, survivorsLeft: 0 });
  });

  it("escapes a process group, but holds the agent's end back no longer than the drain time", async () => {
    const drainMs = 100;
    const { tree } = await runFixture("process-group", "leave-hidden-daemon.sh", [], { limits: { drainMs } });
    const hidden = Number(/hidden (\d+)\n/.exec(await readUntil(tree.stdout, "\n"))?.[1]);
    try {
      tree.stdin.end("go\n");
      expect(await tree.exited).toMatchObject({ exitCode: 0, survivorsKilled: 0 });
      expect(await readAll(tree.stdout)).toHaveLength(0);
    } finally {
      expect(sendSignal(hidden, "SIGKILL")).toBe(true);
    }
  });
});
