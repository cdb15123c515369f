import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isStopped, readProcess, sendSignal } from "./read-processes.ts";
import {
  endAllFixtures,
  readAll,
  readUntil,
  runCommand,
  runFixture,
  TREE_KINDS,
  waitUntil,
} from "./testing/run-fixture.ts";

/** Long against the writers' 5 ms, short for a test. That nothing happens can only be seen by looking for a while. */
const LOOK_MS = 150;

let folder = "";
let ledger = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parallax-freeze-"));
  ledger = join(folder, "ledger");
});
afterEach(async () => {
  await endAllFixtures();
  rmSync(folder, { recursive: true });
});

function ledgerBytes(): number {
  return statSync(ledger, { throwIfNoEntry: false })?.size ?? 0;
}

async function expectSilence(): Promise<void> {
  const before = ledgerBytes();
  await sleep(LOOK_MS);
  expect(ledgerBytes()).toBe(before);
}

async function waitForGrowth(): Promise<void> {
  const before = ledgerBytes();
  await waitUntil("the ledger grows", () => ledgerBytes() > before);
}

it("holds only the agent's processes: our own go on, or a frozen tree would outlive its owner", async () => {
  const { tree, marked } = await runCommand("pid-namespace", ["sh", "-c", "echo ready; exec sleep 60"]);
  await readUntil(tree.stdout, "ready");
  const members = new Set(await tree.survivors());
  const states = (): string[] =>
    marked()
      .filter((pid) => !members.has(pid))
      .map((pid) => readProcess(pid)?.state ?? "gone");
  expect(states()).not.toEqual([]);
  await tree.freeze();
  expect(tree.frozen).toBe(true);
  await waitUntil("ours go on", () => !states().includes("T"));
  await tree.kill();
});

describe.each(TREE_KINDS)("freezing a %s", (kind) => {
  it("stops every effect until the thaw, again and again", async () => {
    const { tree } = await runFixture(kind, "write-ledger.sh", [ledger]);
    await readUntil(tree.stdout, "ready");
    await waitUntil("all three write", () =>
      ["agent", "child", "daemon"].every(
        (writer) => ledgerBytes() > 0 && readFileSync(ledger, "utf8").includes(writer),
      ),
    );
    for (let round = 0; round < 3; round++) {
      await tree.freeze();
      expect(tree.frozen).toBe(true);
      await expectSilence();
      await tree.thaw();
      expect(tree.frozen).toBe(false);
      await waitForGrowth();
    }
    await tree.freeze();
    await tree.thaw();
    const half = ledgerBytes();
    await waitUntil("all three go on", () => {
      const written = readFileSync(ledger, "utf8").slice(half);
      return ["agent", "child", "daemon"].every((writer) => written.includes(writer));
    });
    await tree.kill();
    await expectSilence();
  });

  it("ends with all processes stopped although they fork meanwhile", async () => {
    const { tree } = await runFixture(kind, "fork-loop.sh");
    await readUntil(tree.stdout, "ready");
    await expect.poll(async () => (await tree.survivors()).length, { timeout: 15_000 }).toBeGreaterThan(10);
    await tree.freeze();
    const frozen = await tree.survivors();
    for (const pid of frozen) {
      const info = readProcess(pid);
      expect(info === null || isStopped(info)).toBe(true);
    }
    await sleep(LOOK_MS);
    expect((await tree.survivors()).sort()).toEqual(frozen.sort());
    await tree.kill();
    expect(await tree.survivors()).toEqual([]);
  });

  it("holds a TERM back until the thaw", async () => {
    const { tree } = await runFixture(kind, "report-signal.sh");
    await readUntil(tree.stdout, "ready");
    await tree.freeze();
    expect(await tree.signal("SIGTERM")).toBe(true);
    await sleep(LOOK_MS);
    expect(tree.stdout.readableLength).toBe(0);
    const output = readAll(tree.stdout);
    await tree.thaw();
    expect((await output).toString()).toMatch(/agent got TERM/);
    expect(await tree.exited).toMatchObject({ exitCode: 9 });
  });

  it("does not hold a kill back", async () => {
    const { tree, marked } = await runFixture(kind, "write-ledger.sh", [ledger]);
    await readUntil(tree.stdout, "ready");
    await waitForGrowth();
    await tree.freeze();
    await tree.kill();
    expect(marked()).toEqual([]);
    expect(tree.frozen).toBe(false);
    expect(await tree.exited).toMatchObject({ signal: "SIGKILL" });
    await expectSilence();
  });

  it("leaves stopped at the thaw what the agent itself had stopped", async () => {
    const { tree } = await runFixture(kind, "stop-own-child.sh", [ledger]);
    await readUntil(tree.stdout, "ready");
    await tree.freeze();
    await tree.thaw();
    await expectSilence();
    tree.stdin.write("go\n");
    await readUntil(tree.stdout, "continued");
    await waitForGrowth();
    await tree.kill();
  });

  it("waits for the agent when it is asked for at once, and is over when the agent is", async () => {
    const { tree } = await runFixture(kind, "write-ledger.sh", [ledger]);
    await tree.freeze();
    await expectSilence();
    await tree.thaw();
    await waitForGrowth();
    await tree.kill();
    await tree.freeze();
    await tree.thaw();
    expect(tree.frozen).toBe(false);
  });
});

describe("an init that is slow to answer", () => {
  it("neither delays the freeze for long nor stops anything after the thaw", async () => {
    const { tree, marked } = await runFixture("pid-namespace", "write-ledger.sh", [ledger]);
    await readUntil(tree.stdout, "ready");
    const init = marked().find((pid) => /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) ?? 0;
    expect(sendSignal(init, "SIGSTOP")).toBe(true);
    await tree.freeze();
    await expectSilence();
    const thawed = tree.thaw();
    await expectSilence();
    expect(sendSignal(init, "SIGCONT")).toBe(true);
    await thawed;
    await waitForGrowth();
    await waitForGrowth();
    await tree.kill();
  });
});

describe("a chain of processes, each gone before a sweep can name it", () => {
  it("is stopped and ended in one step in a pid namespace", async () => {
    const { tree, marked } = await runFixture("pid-namespace", "fork-chain.sh", [ledger]);
    await readUntil(tree.stdout, "ready");
    for (let round = 0; round < 5; round++) {
      await waitForGrowth();
      await tree.freeze();
      await expectSilence();
      await tree.thaw();
    }
    await waitForGrowth();
    await tree.kill();
    expect(marked()).toEqual([]);
    await expectSilence();
  });
});
