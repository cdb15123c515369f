import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RegisterRunner, registerRunnerSchema } from "@parallax/shared/protocol/runners";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./config.ts";
import { chooseExecutors } from "./executors/detect-executors.ts";
import { createHttpClient } from "./http/http-client.ts";
import { Readiness } from "./readiness/readiness.ts";
import { registerRunner } from "./register-runner.ts";
import { createRunnerClient } from "./runner-client.ts";
import { FakeCoordinator } from "./testing/fake-coordinator.ts";

let dir = "";
let coordinator: FakeCoordinator;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "parallax-register-"));
  coordinator = await FakeCoordinator.start();
});
afterEach(async () => {
  await coordinator.down();
  rmSync(dir, { recursive: true, force: true });
});

/** What a runner says of itself whose PATH is `dir` alone: at its start, and once more after `meanwhile`. */
async function register(meanwhile = () => {}, ...args: readonly string[]): Promise<RegisterRunner[]> {
  const command = loadConfig(["-c", coordinator.url, "--state-dir", dir, ...args], {}, dir);
  if (command.kind === "help") throw new Error("only help");
  const { config } = command;
  const log = pino({ level: "silent" });
  const context = { env: { PATH: dir }, agentsDir: null };
  const { served: executors, missing } = await chooseExecutors(config.executor, context, log);
  const readiness = new Readiness({ stateDir: dir, minFreeBytes: 0, context }, executors);
  const client = createRunnerClient(createHttpClient({}), config.coordinatorUrl, () => null);
  const told = {
    config,
    client,
    log,
    runnerId: "rnr_1",
    instanceId: "ins_1",
    executors,
    missing,
    readiness,
    version: "1",
  };
  const never = new AbortController().signal;
  await registerRunner(told, never);
  meanwhile();
  await readiness.look();
  await registerRunner(told, never);
  const calls = coordinator.calls.filter((call) => call.path === "/runner/register");
  return calls.map((call) => registerRunnerSchema.parse(call.body));
}

function writeClaude(script: string): void {
  writeFileSync(join(dir, "claude"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(dir, "claude"), 0o755);
}

test("a runner says which executors it knows but cannot serve, and what mends it", async () => {
  const [first] = await register();
  expect(Object.keys(first?.executors ?? {})).toEqual(["test"]);
  expect(first?.missing_executors).toEqual({
    "claude-code": { reason: expect.stringContaining("claude"), fix: expect.stringContaining("--with claude-code") },
  });
});

test("a runner says so, too, of a CLI that went away after its start", async () => {
  writeClaude("echo 99.0.0");
  const [first, second] = await register(() => rmSync(join(dir, "claude")));
  expect([Object.keys(first?.executors ?? {}), first?.missing_executors]).toEqual([["claude-code", "test"], {}]);
  expect(Object.keys(second?.executors ?? {})).toEqual(["test"]);
  expect(second?.missing_executors).toMatchObject({ "claude-code": { fix: expect.stringMatching(/install/i) } });
});

test("a runner that was told to serve one executor misses none of the others", async () => {
  const [first] = await register(() => {}, "-x", "test");
  expect(first?.missing_executors).toEqual({});
});
