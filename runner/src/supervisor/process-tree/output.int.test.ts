import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { endAllFixtures, readAll, readUntil, runCommand, runFixture, TREE_KINDS } from "./testing/run-fixture.ts";

afterEach(endAllFixtures);

const MEGABYTE = 1_048_576;

describe.each(TREE_KINDS)("the pipes of a %s", (kind) => {
  it("lose nothing of a megabyte on each, read together", async () => {
    const { tree } = await runFixture(kind, "flood-both.sh", [String(MEGABYTE)]);
    const [stdout, stderr, exit] = await Promise.all([readAll(tree.stdout), readAll(tree.stderr), tree.exited]);
    expect(stdout.equals(Buffer.alloc(MEGABYTE, "o"))).toBe(true);
    expect(stderr.equals(Buffer.alloc(MEGABYTE, "e"))).toBe(true);
    expect(exit).toMatchObject({ exitCode: 0 });
  });

  it("make the agent wait for a slow reader instead of filling memory", async () => {
    const { tree } = await runCommand(kind, ["sh", "-c", "head -c 20000000 /dev/zero; exit 5"]);
    await once(tree.stdout, "readable");
    await sleep(150);
    expect(tree.stdout.readableLength).toBeLessThan(MEGABYTE);
    expect((await tree.survivors()).length).toBeGreaterThan(0);
    let bytes = 0;
    for await (const chunk of tree.stdout) bytes += chunk.length;
    expect(bytes).toBe(20_000_000);
    expect(await tree.exited).toMatchObject({ exitCode: 5 });
  });

  it("can be opened again by name, as scripts do", async () => {
    const { tree } = await runCommand(kind, [
      "sh",
      "-c",
      "cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr",
    ]);
    tree.stdin.end("in\n");
    expect((await readAll(tree.stdout)).toString()).toBe("in\nout\n");
    expect((await readAll(tree.stderr)).toString()).toBe("err\n");
  });

  it("keep what was written for a reader who comes after the end", async () => {
    const { tree } = await runCommand(kind, ["sh", "-c", "head -c 150000 /dev/zero; echo late >&2"]);
    expect(await tree.exited).toMatchObject({ exitCode: 0 });
    await sleep(20);
    expect(await readAll(tree.stdout)).toHaveLength(150_000);
    expect((await readAll(tree.stderr)).toString()).toBe("late\n");
  });

  it("close with the agent although a child holds them open", async () => {
    const { tree, marked } = await runFixture(kind, "hold-stdout.sh");
    const [stdout, stderr, exit] = await Promise.all([readAll(tree.stdout), readAll(tree.stderr), tree.exited]);
    expect(stdout.toString()).toBe("last words\n");
    expect(stderr.toString()).toBe("last complaint\n");
    expect(exit).toMatchObject({ exitCode: 4, survivorsKilled: 1 });
    expect(marked()).toEqual([]);
  });

  it("do not end the agent when its reader goes away", async () => {
    const { tree } = await runCommand(kind, ["sh", "-c", "head -c 3000000 /dev/zero; exit 2"]);
    tree.stdout.destroy();
    expect(await tree.exited).toMatchObject({ exitCode: 2, signal: null });
  });

  it("bring the agent its input and its end", async () => {
    const { tree } = await runCommand(kind, ["cat"]);
    tree.stdin.write("first\n");
    await readUntil(tree.stdout, "first\n");
    tree.stdin.end("second\n");
    expect((await readAll(tree.stdout)).toString()).toBe("second\n");
    expect(await tree.exited).toMatchObject({ exitCode: 0 });
  });

  it("survive input for an agent that closed its end", async () => {
    const { tree } = await runCommand(kind, ["sh", "-c", "exec <&-; echo closed; sleep 0.2; exit 3"]);
    await readUntil(tree.stdout, "closed");
    tree.stdin.write(Buffer.alloc(5 * MEGABYTE, "i"));
    expect(await tree.exited).toMatchObject({ exitCode: 3 });
  });

  it("survive input for an agent that never reads and one that has ended", async () => {
    const { tree } = await runCommand(kind, ["sh", "-c", "exec sleep 0.1"]);
    const input = Buffer.alloc(5 * MEGABYTE, "i");
    const written = new Promise((resolve) => tree.stdin.write(input, resolve));
    expect(await tree.exited).toMatchObject({ exitCode: 0 });
    expect(await written).toBeInstanceOf(Error);
    tree.stdin.write(input);
    tree.stdin.end("more");
    await sleep(20);
  });
});
