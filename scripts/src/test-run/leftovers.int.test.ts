import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { expect, it } from "vitest";
import { endLeftovers, MARKER_VARIABLE } from "./leftovers.ts";

it("a process that left its session and its parent is found and ended", async () => {
  const marks = { marker: randomBytes(8).toString("hex"), folder: "/nonexistent" };
  const child = spawn("sh", ["-c", "setsid sleep 300 & echo started"], {
    env: { ...process.env, [MARKER_VARIABLE]: marks.marker },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await Promise.all([once(child, "exit"), once(child.stdout, "data")]);

  const found = await endLeftovers(marks, 0);
  expect(found.map((left) => left.command)).toEqual([expect.stringContaining("sleep 300")]);
  expect(await endLeftovers(marks, 0)).toEqual([]);
});

it("a process that ends by itself within the grace is no leftover", async () => {
  const marks = { marker: randomBytes(8).toString("hex"), folder: "/nonexistent" };
  const child = spawn("cat", { env: { ...process.env, [MARKER_VARIABLE]: marks.marker }, stdio: "pipe" });
  await once(child, "spawn");
  const found = endLeftovers(marks, 10_000);
  child.stdin.end();
  expect(await found).toEqual([]);
});
