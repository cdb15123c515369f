import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readProcess, sendSignal } from "./read-processes.ts";
import {
  BASE_ENV,
  endAllFixtures,
  fixturePath,
  readAll,
  readUntil,
  runCommand,
  runFixture,
  TREE_KINDS,
  waitUntil,
} from "./testing/run-fixture.ts";

afterEach(endAllFixtures);

const ENDS = [
  { script: "exit 0", exitCode: 0, signal: null },
  { script: "exit 3", exitCode: 3, signal: null },
  { script: "exit 255", exitCode: 255, signal: null },
  // A shell between us and the agent could not tell these from deaths by a signal.
  { script: "exit 130", exitCode: 130, signal: null },
  { script: "exit 143", exitCode: 143, signal: null },
  { script: "kill -s TERM $$", exitCode: null, signal: "SIGTERM" },
  { script: "kill -s INT $$", exitCode: null, signal: "SIGINT" },
  { script: "kill -s HUP $$", exitCode: null, signal: "SIGHUP" },
  { script: "kill -s PIPE $$", exitCode: null, signal: "SIGPIPE" },
  { script: "ulimit -c 0; kill -s SEGV $$", exitCode: null, signal: "SIGSEGV" },
  { script: "kill -s KILL $$", exitCode: null, signal: "SIGKILL" },
];

const HOSTILE = [
  "",
  " ",
  "-n",
  "--",
  "--help",
  "a\nb",
  "it's",
  '"; exit 1; "',
  "$(exit 1)",
  "`x`",
  "\\",
  "\t\r",
  "日本 🦊 ü",
  "*",
];

const HOSTILE_ENV = {
  ...BASE_ENV,
  "a.name-no-shell-likes": "kept",
  "BASH_FUNC_wait%%": "() { exit 1; }",
  ENV: "/nonexistent",
  IFS: "x",
  MULTI: "one\ntwo='three'\n",
  EMPTY: "",
  UNICODE: "日本 🦊",
};

describe.each(TREE_KINDS)("an agent in a %s", (kind) => {
  it.each(ENDS)("ends for its owner exactly as it ended: $script", async ({ script, exitCode, signal }) => {
    const { tree } = await runCommand(kind, ["sh", "-c", script]);
    const exit = await tree.exited;
    expect(exit).toMatchObject({ exitCode, signal, survivorsKilled: 0, survivorsLeft: 0 });
    expect(exit.durationMs).toBeGreaterThan(0);
    expect(exit).not.toHaveProperty("oomKilled");
    expect(await readAll(tree.stderr)).toHaveLength(0);
  });

  it("receives its arguments and environment byte for byte", async () => {
    const { tree, marker } = await runFixture(kind, "print-itself.sh", HOSTILE, { env: HOSTILE_ENV });
    const bytes = await readAll(tree.stdout);
    const environment = Object.entries({ ...HOSTILE_ENV, PARALLAX_ATTEMPT: marker }).map(
      ([key, value]) => `${key}=${value}`,
    );
    const expected = ["/usr/bin/sh", fixturePath("print-itself.sh"), ...HOSTILE, ...environment];
    expect(bytes.toString("utf8")).toBe(`${expected.join("\0")}\0`);
    expect(await tree.exited).toMatchObject({ exitCode: 0 });
  });

  it("cannot be given another attempt's marker by its environment", async () => {
    const env = { ...BASE_ENV, PARALLAX_ATTEMPT: "another" };
    const { tree, marker } = await runCommand(kind, ["sh", "-c", 'echo "$PARALLAX_ATTEMPT"'], { env });
    expect((await readAll(tree.stdout)).toString()).toBe(`${marker}\n`);
  });

  it("starts in the project directory, by whatever name", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "parallax tree\n'日本'-"));
    try {
      const { tree } = await runCommand(kind, ["sh", "-c", 'pwd -P; echo "$0" >made', "here"], { cwd });
      expect((await readAll(tree.stdout)).toString()).toBe(`${cwd}\n`);
      expect(await tree.exited).toMatchObject({ exitCode: 0 });
      expect(existsSync(join(cwd, "made"))).toBe(true);
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });

  it("runs a program named relative to the project directory", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "parallax-tree-"));
    try {
      mkdirSync(join(cwd, "bin"));
      writeFileSync(join(cwd, "bin/agent"), "#!/bin/sh\nexit 21\n", { mode: 0o755 });
      const { tree } = await runCommand(kind, ["./bin/agent"], { cwd });
      expect(await tree.exited).toMatchObject({ exitCode: 21 });
      const found = await runCommand(kind, ["agent"], { cwd, env: { PATH: "/nowhere:bin" } });
      expect(await found.tree.exited).toMatchObject({ exitCode: 21 });
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });

  it.each([
    { signal: "SIGTERM", exitCode: 9, heard: ["agent got TERM", "child got TERM"] },
    { signal: "SIGINT", exitCode: 8, heard: ["agent got INT"] },
  ] as const)(
    "hears $signal together with its process group, as from a terminal",
    async ({ signal, exitCode, heard }) => {
      const { tree } = await runFixture(kind, "report-signal.sh");
      await readUntil(tree.stdout, "ready");
      expect(await tree.signal(signal)).toBe(true);
      const output = (await readAll(tree.stdout)).toString();
      for (const line of heard) expect(output).toContain(line);
      expect(await tree.exited).toMatchObject({ exitCode });
    },
  );

  it("starts with no signal blocked or ignored", async () => {
    const { tree } = await runCommand(kind, ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]);
    expect((await readAll(tree.stdout)).toString()).toMatch(/^SigBlk:\t0+\nSigIgn:\t0+\n$/);
  });

  it("is refused when there are more arguments than the host takes", async () => {
    const argv = ["true", ...Array.from({ length: 40 }, () => "x".repeat(120_000))];
    await expect(runCommand(kind, argv)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("is not started when it cannot be", async () => {
    await expect(runCommand(kind, ["no-such-agent"])).rejects.toMatchObject({ code: "executor_not_found" });
    await expect(runCommand(kind, ["true"], { cwd: "/no/such" })).rejects.toMatchObject({
      code: "project_dir_missing",
    });
  });
});

describe("an agent in a pid namespace", () => {
  it("sees only its own tree in /proc and cannot end the namespace's init", async () => {
    const script = "kill -s KILL 1; kill -s TERM 1; kill -s STOP 1; set -- /proc/[0-9]*; echo $#; exit 6";
    const { tree } = await runCommand("pid-namespace", ["sh", "-c", script]);
    expect(Number((await readAll(tree.stdout)).toString())).toBeLessThanOrEqual(3);
    expect(await tree.exited).toMatchObject({ exitCode: 6 });
  });

  it("is ended with everything when a stranger kills what it hangs on", async () => {
    const { tree, marked } = await runFixture("pid-namespace", "leave-setsid-double-fork.sh");
    await readUntil(tree.stdout, "ready");
    expect(sendSignal(tree.pid, "SIGKILL")).toBe(true);
    expect(await tree.exited).toMatchObject({ signal: "SIGKILL", survivorsLeft: 0 });
    expect(marked()).toEqual([]);
  });

  it("shows, freezes and ends what hides in a namespace of its own below", async () => {
    const { tree, marked } = await runFixture("pid-namespace", "leave-nested-namespace.sh");
    await readUntil(tree.stdout, "ready");
    await waitUntil(
      "agent, unshare, its shell and the sleeper live",
      async () => (await tree.survivors()).length === 4,
    );
    await tree.freeze();
    for (const pid of await tree.survivors()) expect(readProcess(pid)?.state).toBe("T");
    await tree.thaw();
    tree.stdin.end("go\n");
    expect(await tree.exited).toMatchObject({ exitCode: 0, survivorsKilled: 3, survivorsLeft: 0 });
    expect(marked()).toEqual([]);
  });

  it("keeps its reaper when it kills whatever it can", async () => {
    // `kill -1` reaches the init's guard; what is orphaned after that must be reaped all the same.
    const { tree } = await runFixture("pid-namespace", "kill-all-and-orphan.sh");
    expect((await readAll(tree.stdout)).toString()).toBe("no zombies\n");
    expect(await tree.exited).toMatchObject({ exitCode: 0, signal: null });
  });
});
