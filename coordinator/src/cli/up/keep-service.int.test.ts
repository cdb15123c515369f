import process from "node:process";
import { afterEach, describe, expect, test } from "vitest";
import type { Service, ServiceExit } from "./keep-service.ts";
import { keepService } from "./keep-service.ts";

const started: Service[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) {
    service.release();
    service.signal("SIGKILL");
    await service.ended;
  }
});

function keep(program: string) {
  const lines: string[] = [];
  const crashes: ServiceExit[] = [];
  const waiting: { text: string; count: number; found: () => void }[] = [];
  const service = keepService({
    command: process.execPath,
    args: ["-e", program],
    env: process.env,
    cwd: process.cwd(),
    restartPauseMs: 10,
    onCrash: (exit) => crashes.push(exit),
    onLine: (line) => {
      lines.push(line);
      for (const one of waiting) if (lines.filter((seen) => seen === one.text).length >= one.count) one.found();
    },
  });
  started.push(service);
  const line = (text: string, count = 1) => new Promise<void>((found) => waiting.push({ text, count, found }));
  return { service, crashes, line };
}

const STAY = "process.on('SIGINT', () => process.exit(0)); setInterval(() => {}, 1e6); console.log('here')";

describe("a service", () => {
  test("that ends before it was confirmed is not started again, and its last lines are known", async () => {
    const { service, crashes } = keep("console.error('no database'); process.exit(3)");
    expect(await service.ended).toEqual({ exitCode: 3, signal: null });
    expect(service.lastLines()).toContain("no database");
    expect(crashes).toEqual([]);
  });

  test("that is killed after it was confirmed runs again", async () => {
    const { service, crashes, line } = keep(STAY);
    await line("here");
    const first = service.pid();
    service.confirm();
    const again = line("here", 2);
    service.signal("SIGKILL");
    await again;
    expect(crashes).toEqual([{ exitCode: null, signal: "SIGKILL" }]);
    expect(service.pid()).not.toBe(first);
  });

  test("that ends in peace stays ended", async () => {
    const { service, crashes, line } = keep(STAY);
    await line("here");
    service.confirm();
    service.signal("SIGINT");
    expect(await service.ended).toEqual({ exitCode: 0, signal: null });
    expect(crashes).toEqual([]);
  });

  test("that was released ends for good, also while it waits for its restart", async () => {
    const { service, line } = keep("console.log('here'); setTimeout(() => process.exit(1), 50)");
    await line("here");
    service.confirm();
    service.release();
    expect((await service.ended).exitCode).toBe(1);
  });

  test("ends although something it left behind holds its output open", async () => {
    const { service } = keep(
      "require('child_process').spawn('sleep', ['5'], { detached: true, stdio: 'inherit' }).unref(); process.exit(4)",
    );
    expect((await service.ended).exitCode).toBe(4);
  });

  test("has a process group of its own, so that Ctrl-C reaches only us", async () => {
    const { service, line } = keep(STAY);
    await line("here");
    const { readFileSync } = await import("node:fs");
    const group = readFileSync(`/proc/${service.pid()}/stat`, "utf8").split(") ")[1]?.split(" ")[2];
    expect(Number(group)).toBe(service.pid());
  });

  test("whose program is not there ends with the reason", async () => {
    const service = keepService({
      command: "/nowhere/program",
      args: [],
      env: {},
      cwd: process.cwd(),
      onCrash: () => {},
      onLine: () => {},
    });
    expect(await service.ended).toEqual({ exitCode: null, signal: null });
    expect(service.lastLines().join()).toContain("ENOENT");
  });
});
