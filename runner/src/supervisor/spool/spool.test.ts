import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Frame } from "@parallax/shared/protocol/events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSpool, type Spool } from "./spool.ts";

const clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
let dir = "";
let path = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "parallax-spool-"));
  path = join(dir, "frames.jsonl");
});
afterEach(() => rmSync(dir, { recursive: true }));

async function open(outputBytesMax = 1_000_000): Promise<Spool> {
  return await openSpool(
    path,
    { eventBytesMax: 10_000, outputBytesMax },
    {
      clock,
      onAppend: () => undefined,
      onDiskError: (error) => {
        throw error;
      },
      onDiskFull: () => Promise.reject(new Error("the disk is full")),
    },
  );
}

/** Appends and waits until all of it can be read. */
async function appendAll(spool: Spool, texts: readonly string[]): Promise<void> {
  for (const text of texts) spool.append(say(text));
  const count = async (): Promise<number> => (await spool.read(1_000, 10_000_000)).lines.length;
  await expect.poll(count).toBe(texts.length);
}

const say = (text: string) => ({ type: "output", data: { stream: "stdout", text } }) as const;
const parse = (lines: readonly string[]): Frame[] => lines.map((line) => JSON.parse(line) as Frame);
const textsOf = (lines: readonly string[]): unknown[] => parse(lines).map(({ data }) => data["text"]);

describe("Spool", () => {
  test("numbers frames from 1 and gives them in order until they are acknowledged", async () => {
    const spool = await open();
    await appendAll(spool, ["a", "b", "c"]);
    const first = await spool.read(2, 100_000);
    expect(first.firstFrame).toBe(1);
    expect(parse(first.lines).map(({ frame }) => frame)).toEqual([1, 2]);
    expect(textsOf((await spool.read(2, 100_000)).lines)).toEqual(["a", "b"]);
    await spool.acknowledge(3);
    expect(textsOf((await spool.read(2, 100_000)).lines)).toEqual(["c"]);
    expect(spool.allAcknowledged).toBe(false);
    await spool.acknowledge(4);
    expect(spool.allAcknowledged).toBe(true);
    await spool.close();
  });

  test("goes back when the coordinator has less than it had said", async () => {
    const spool = await open();
    await appendAll(spool, ["a", "b", "c"]);
    await spool.acknowledge(4);
    await spool.acknowledge(2);
    expect(textsOf((await spool.read(10, 100_000)).lines)).toEqual(["b", "c"]);
    await spool.close();
  });

  test("is not moved by an acknowledgement of what it never had", async () => {
    const spool = await open();
    await appendAll(spool, ["a"]);
    await spool.acknowledge(99);
    expect(textsOf((await spool.read(10, 100_000)).lines)).toEqual(["a"]);
    await spool.close();
  });

  test("gives whole lines within the bytes that were asked for", async () => {
    const spool = await open();
    await appendAll(
      spool,
      Array.from({ length: 10 }, () => "x".repeat(300)),
    );
    const { lines } = await spool.read(10, 1_000);
    expect(lines.length).toBe(2);
    expect(() => parse(lines)).not.toThrow();
    await spool.close();
  });

  test("seals with the size and the hash of the bytes on disk", async () => {
    const spool = await open();
    for (let index = 0; index < 500; index += 1) spool.append(say(`line ${index} \u{1F600}`));
    const seal = await spool.seal();
    const bytes = readFileSync(path);
    expect(seal).toEqual({
      lastFrame: 500,
      logBytes: bytes.length,
      logSha256: createHash("sha256").update(bytes).digest("hex"),
    });
    spool.append(say("too late"));
    await spool.close();
    expect(readFileSync(path).length).toBe(bytes.length);
  });

  test("says where the cap cut and how much, and keeps what ends a run", async () => {
    const spool = await open(2_000);
    for (let index = 0; index < 100; index += 1) spool.append(say("x".repeat(100)));
    spool.append({ type: "result", data: { text: "the end" } });
    spool.append(say("more"));
    const { lastFrame } = await spool.seal();
    await spool.close();
    const frames = parse(readFileSync(path, "utf8").split("\n").slice(0, -1));
    expect(frames.length).toBe(lastFrame);
    expect(frames.map(({ frame }) => frame)).toEqual(frames.map((_, index) => index + 1));
    const tail = frames.slice(-3);
    expect(tail.map(({ type }) => type)).toEqual(["output_truncated", "result", "output_truncated"]);
    expect(tail[0]?.data).toEqual({ limit_bytes: 2_000 });
    const kept = frames.filter(({ type }) => type === "output").length;
    expect(tail[2]?.data).toMatchObject({ dropped_events: 101 - kept });
  });

  test("lets writers wait while much is on its way to the disk", async () => {
    const spool = await open(100_000_000);
    for (let index = 0; index < 400; index += 1) spool.append(say("x".repeat(9_000)));
    await spool.roomy();
    expect(readFileSync(path).length).toBeGreaterThan(2_000_000);
    await spool.close();
  });
});
