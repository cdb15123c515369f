/** `up` as a person uses it: real processes, a database of its own, real signals. */

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeDatabase } from "../demo/remove-database.ts";
import type { Up } from "../testing/up-process.ts";
import { MAIN, processesOf, startUp, upEnvironment } from "../testing/up-process.ts";

const TEST_MS_MAX = 150_000;
const run = promisify(execFile);

let dir = "";
const started: Up[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "parallax-up-"));
});
afterEach(async () => {
  for (const up of started.splice(0)) {
    up.process.kill("SIGTERM");
    await up.exit;
  }
  await removeDatabase(join(dir, ".parallax"));
  rmSync(dir, { recursive: true, force: true });
});

const env = () => upEnvironment(dir);

function up(...args: readonly string[]): Up {
  const one = startUp(dir, args);
  started.push(one);
  return one;
}

const parallax = (...args: readonly string[]) =>
  run(process.execPath, [MAIN, ...args], { cwd: dir, env: env() }).then(
    ({ stdout, stderr }) => ({ stdout, stderr, exitCode: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => ({
      stdout: error.stdout,
      stderr: error.stderr,
      exitCode: error.code,
    }),
  );

describe("up", { timeout: TEST_MS_MAX }, () => {
  test("brings a fleet whose printed commands work, survives a killed runner, and leaves nothing running", async () => {
    const fleet = up("--port", "0");
    await fleet.shows(/Ctrl-C ends it/);
    const [, curl = ""] = await fleet.shows(/^ {2}(curl .*)$/m);
    const { stdout } = await run("sh", ["-c", curl], { cwd: "/" });
    const created = JSON.parse(stdout) as { run_id: string; session_id: string };
    expect(created.run_id).toMatch(/^run_/);
    const [, program = ""] = await fleet.shows(/^ {2}(\S+parallax run .*)$/m);
    expect(
      (await run("sh", ["-c", program], { cwd: "/", env: { ...process.env, PARALLAX_URL: "" } })).stdout,
    ).toContain("echo: hello");

    // the data directory alone is enough to find the coordinator and its key
    expect(await parallax("run", "-x", "test", "--wait", "again")).toMatchObject({
      exitCode: 0,
      stdout: "echo: again\n",
    });
    expect(await parallax("run", "-x", "test", "--wait", '{"steps":[{"fail":"no"}]}')).toMatchObject({ exitCode: 1 });
    expect((await parallax("logs", created.session_id)).stdout).toContain("echo: hello");
    expect((await parallax("doctor")).exitCode).toBe(0);

    const [runner] = processesOf(join(dir, ".parallax/runner"));
    process.kill(runner ?? 0, "SIGKILL");
    await fleet.shows(/the runner ended \(SIGKILL\); it starts again/);
    expect(await parallax("run", "-x", "test", "--wait", "back")).toMatchObject({
      exitCode: 0,
      stdout: "echo: back\n",
    });

    fleet.process.kill("SIGINT");
    expect(await fleet.exit).toBe(0);
    expect(processesOf(dir)).toEqual([]);
    expect(existsSync(join(dir, ".parallax/coordinator.json"))).toBe(false);
    expect(await parallax("runs")).toMatchObject({ exitCode: 3 });
  });

  test("drains with the first Ctrl-C and stops the runs with the second", async () => {
    const fleet = up("--port", "0");
    await fleet.shows(/Ctrl-C ends it/);
    const { stdout } = await parallax(
      "run",
      "-x",
      "test",
      "--json",
      '{"steps":[{"touch":"${session}"},{"hang":true}]}',
      "--session-id",
      "ses_hangs",
    );
    expect(JSON.parse(stdout)).toMatchObject({ session_id: "ses_hangs" });
    await until(() => existsSync(join(dir, "ses_hangs")));
    fleet.process.kill("SIGINT");
    await fleet.shows(/draining/);
    fleet.process.kill("SIGINT");
    await fleet.shows(/stopping the runs/);
    expect(await fleet.exit).toBe(0);
    expect(processesOf(dir)).toEqual([]);
  });

  test("says at once what stands in its way", async () => {
    const first = up("--port", "0", "--no-runner");
    const [, url = ""] = await first.shows(/coordinator (http:\S+)/);
    await first.shows(/Ctrl-C ends it/);
    const samePort = up("--port", new URL(url).port, "--data-dir", "other");
    expect(await samePort.exit).toBe(9);
    expect(samePort.output()).toContain(`a coordinator of Parallax already answers at ${url}`);
    const sameDirectory = up("--port", "0");
    expect(await sameDirectory.exit).toBe(9);
    expect(sameDirectory.output()).toContain("data_dir_in_use");
    const unknown = up("--port", "0", "--data-dir", "other", "--with", "aider");
    expect(await unknown.exit).toBe(9);
    expect(unknown.output()).toMatch(/there is no executor "aider"[\s\S]*claude-code/);
    await removeDatabase(join(dir, "other"));
  });
});

test("the demonstration ends well, tells its story and leaves nothing behind", { timeout: TEST_MS_MAX }, async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("parallax-demo-"));
  const demo = up("--demo");
  expect(await demo.exit, demo.output()).toBe(0);
  const story = demo.output();
  for (const part of [
    "kill -9 runner",
    "is back",
    "is resumed with all results",
    "nothing was done twice",
    "├─",
    "└─",
  ]) {
    expect(story).toContain(part);
  }
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("parallax-demo-"))).toEqual(before);
});

async function until(isTrue: () => boolean): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  while (!isTrue()) await sleep(20);
}
