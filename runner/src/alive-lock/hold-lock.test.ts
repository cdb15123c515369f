import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { connectTo, holdLock, lockAddress, releaseLock } from "./hold-lock.ts";

const dirs: string[] = [];
function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "parallax-lock-"));
  dirs.push(dir);
  return dir;
}
const held: Server[] = [];
async function hold(address: string): Promise<Server | null> {
  const server = await holdLock(address);
  if (server !== null) held.push(server);
  return server;
}
afterEach(async () => {
  for (const server of held.splice(0)) await releaseLock(server);
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const name = `parallax-lock-test-${process.pid}`;
const kinds = [
  ["an abstract socket", () => lockAddress(name, "/nowhere", "linux")],
  ["a socket file", () => lockAddress(name, join(freshDir(), "lock"), "darwin")],
] as const;

describe.each(kinds)("a lock by %s", (_name, makeAddress) => {
  test("has one holder at a time", async () => {
    const address = makeAddress();
    const first = await hold(address);
    expect(first).not.toBeNull();
    expect(await hold(address)).toBeNull();
    if (first !== null) await releaseLock(first);
    expect(await hold(address)).not.toBeNull();
  });

  test("can be connected to while it is held, and only then", async () => {
    const address = makeAddress();
    expect(await connectTo(address)).toBeNull();
    await hold(address);
    const socket = await connectTo(address);
    expect(socket).not.toBeNull();
    socket?.destroy();
  });
});

test("a socket file that a killed holder left behind is taken over", async () => {
  const address = join(freshDir(), "lock");
  const code = `require("node:net").createServer().listen(${JSON.stringify(address)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", code]);
  expect(await hold(address)).not.toBeNull();
});
