import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer } from "@parallax/shared/sdk/testing/serve-script";
import { hangUp, json, serveScript } from "@parallax/shared/sdk/testing/serve-script";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commands } from "./commands.ts";
import { runCommandLine } from "./run-command-line.ts";
import { captureIo } from "./testing/captured-io.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "parallax-cli-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function parallax(args: readonly string[], choices: Parameters<typeof captureIo>[0] = {}) {
  const io = captureIo({ cwd: dir, ...choices });
  const exitCode = await runCommandLine(io, commands, args);
  return { exitCode, stdout: io.stdout(), stderr: io.stderr() };
}

const created = json({ run_id: "run_1", session_id: "ses_1", status: "pending" }, 201);
const ended = (changes: object): Answer =>
  json({
    run_id: "run_1",
    session_id: "ses_1",
    status: "completed",
    outcome: "completed",
    result_text: "yes\u001b[2J",
    error: null,
    ...changes,
  });
const refusal = (status: number, code: string) => json({ detail: { code, message: "m", hint: "h" } }, status);

describe("run", () => {
  test("starts a session with what was asked and prints the ids", async () => {
    await using server = await serveScript(created);
    const { exitCode, stdout } = await parallax([
      "run",
      "do it",
      "-x",
      "test",
      "--label",
      "a=b=c",
      "--project-dir",
      "sub",
      "--config",
      '{"k":1}',
      "--priority",
      "2",
      "--url",
      server.url,
    ]);
    expect([exitCode, stdout]).toEqual([0, "run_1  ses_1  pending\n"]);
    expect(server.asked[0]?.body).toEqual({
      type: "start_session",
      prompt: "do it",
      executor: "test",
      labels: { a: "b=c" },
      project_dir: join(dir, "sub"),
      executor_config: { k: 1 },
      priority: 2,
    });
  });

  test("goes on with a session, and reads the prompt from stdin", async () => {
    await using server = await serveScript(created);
    await parallax(["run", "-", "--session", "ses_9"], { stdin: "from stdin", env: { PARALLAX_URL: server.url } });
    expect(server.asked[0]?.body).toEqual({ type: "resume_session", prompt: "from stdin", session_id: "ses_9" });
  });

  test.each([
    [{}, 0],
    [{ status: "failed", outcome: "agent_error", error: { code: "agent_failed", message: "no" } }, 1],
    [{ status: "stopped", outcome: "stopped" }, 1],
  ])("waits for the end: %j gives exit code %i", async (changes, code) => {
    await using server = await serveScript(created, ended(changes));
    const { exitCode, stdout } = await parallax(["run", "x", "--wait", "--url", server.url]);
    expect(exitCode).toBe(code);
    expect(stdout).toBe("yes\n");
  });

  test("says on stderr why a run waits, so that nobody waits in silence", async () => {
    let isExplained = false;
    await using server = await serveScript((asked, response) => {
      if (asked.method === "POST") return created(asked, response);
      if (!asked.url.endsWith("/explain")) return ended(isExplained ? {} : { status: "pending" })(asked, response);
      isExplained = true;
      const sentence = "No runner serves executor claude-code: it is not there. Install it.";
      json({ run_id: "run_1", status: "pending", cause: "executor_missing", sentence, facts: {} })(asked, response);
    });
    const { exitCode, stdout, stderr } = await parallax(["run", "x", "--wait", "--url", server.url]);
    expect([exitCode, stdout]).toEqual([0, "yes\n"]);
    expect(stderr).toContain("waiting: No runner serves executor claude-code: it is not there. Install it.\n");
  });

  test("waits no longer than it was told", async () => {
    await using server = await serveScript(created, ended({ status: "running" }));
    const { exitCode, stderr } = await parallax(["run", "x", "--wait", "--wait-seconds", "1", "--url", server.url]);
    expect(exitCode).toBe(7);
    expect(stderr).toContain("still running");
  });

  test("follows the events until the end", async () => {
    const event = (seq: number, type: string, data: object) =>
      `id: ${seq}\ndata: ${JSON.stringify({ seq, run_id: "run_1", session_id: "ses_1", attempt: 1, type, at: "2025-01-01T00:00:00Z", data })}\n\n`;
    await using server = await serveScript((asked, response) => {
      if (asked.method === "POST") return created(asked, response);
      if (!asked.url.endsWith("/events/stream")) return ended({})(asked, response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`${event(1, "message", { text: "hello\u001b[31m" })}${event(2, "log_sealed", {})}`);
    });
    const { exitCode, stdout } = await parallax(["run", "x", "--follow", "--url", server.url]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}hello$/m);
    expect(stdout).not.toContain("\u001b");
  });

  test.each([
    [["run"]],
    [["run", "a", "b"]],
    [["run", " "]],
    [["run", "x", "--config", "[]"]],
    [["run", "x", "--label", "a"]],
    [["runs", "--status", "lost"]],
    [["fly"]],
    [["up", "--demo", "--port", "1"]],
  ])("%j is a usage error and asks nobody", async (args) => {
    const { exitCode, stderr } = await parallax(args, { env: { PARALLAX_URL: "http://127.0.0.1:9" } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("parallax help");
  });
});

describe("an error", () => {
  test.each([
    [404, "run_not_found", 4],
    [401, "unauthorized", 5],
    [403, "forbidden", 5],
    [409, "session_exists", 6],
    [422, "invalid_request", 6],
    [500, "internal", 8],
  ])("of HTTP %i (%s) gives exit code %i with the server's hint", async (status, code, exit) => {
    await using server = await serveScript(refusal(status, code));
    const { exitCode, stderr } = await parallax(["explain", "run_1", "--url", server.url]);
    expect(exitCode).toBe(exit);
    expect(stderr).toBe(`error: m (${code})\nhint: h\n`);
  });

  test("is JSON on stderr where JSON was asked for", async () => {
    await using server = await serveScript(refusal(404, "run_not_found"));
    const { stdout, stderr } = await parallax(["explain", "run_1", "--json", "--url", server.url]);
    expect(stdout).toBe("");
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "run_not_found", message: "m", hint: "h" } });
  });

  test("of a coordinator that does not answer gives exit code 3", async () => {
    await using server = await serveScript(hangUp);
    expect((await parallax(["runs", "--url", server.url])).exitCode).toBe(3);
  });

  test("after Ctrl-C gives exit code 130 and no words", async () => {
    await using server = await serveScript(hangUp);
    const aborted = AbortSignal.abort(new Error("interrupted"));
    expect(await parallax(["runs", "--url", server.url], { aborted })).toEqual({
      exitCode: 130,
      stdout: "",
      stderr: "",
    });
  });
});

describe("the coordinator and its key", () => {
  test("are found by the data directory alone", async () => {
    await using server = await serveScript(json({ runs: [], next_cursor: null }));
    writeFileSync(join(dir, "admin.key"), "secret\n");
    writeFileSync(join(dir, "coordinator.json"), JSON.stringify({ url: server.url }));
    expect((await parallax(["runs", "--data-dir", dir])).exitCode).toBe(0);
    expect(server.asked[0]?.headers.authorization).toBe("Bearer secret");
  });

  test("are named by the environment too", async () => {
    await using server = await serveScript(json({ runs: [], next_cursor: null }));
    writeFileSync(join(dir, "k"), "other");
    await parallax(["runs"], { env: { PARALLAX_URL: server.url, PARALLAX_KEY_FILE: join(dir, "k") } });
    expect(server.asked[0]?.headers.authorization).toBe("Bearer other");
  });

  test("a key file that was named and is not there is an error before anybody is asked", async () => {
    const { exitCode, stderr } = await parallax(["runs", "--key-file", "nowhere", "--url", "http://127.0.0.1:9"]);
    expect(exitCode).toBe(9);
    expect(stderr).toContain("nowhere");
  });
});

test("stop looks for a run first where the id says so, else for a session, and passes the cascade on", async () => {
  await using server = await serveScript(
    refusal(404, "run_not_found"),
    json({ session: { session_id: "run_x" } }),
    json({ ok: true, status: "stopped", stopped_runs: ["a", "b"] }),
  );
  const { exitCode, stdout } = await parallax(["stop", "run_x", "--no-cascade", "--url", server.url]);
  expect([exitCode, stdout]).toEqual([0, "run_x stopped (2 runs)\n"]);
  expect(server.asked.map((one) => `${one.method} ${one.url}`)).toEqual([
    "GET /runs/run_x",
    "GET /sessions/run_x",
    "POST /sessions/run_x/stop",
  ]);
  expect(server.asked[2]?.body).toEqual({ cascade: false });
});

test("logs shows every page of a run once, as text or as JSON lines", async () => {
  const event = (seq: number) => ({
    seq,
    run_id: "run_1",
    session_id: "s",
    attempt: 1,
    type: "message",
    at: "2025-01-01T00:00:00Z",
    data: { text: `m${seq}` },
  });
  const pages: [Answer, ...Answer[]] = [
    json({ run_id: "run_1" }),
    json({ events: [event(1), event(2)], next_after: 2, sealed: false }),
    json({ events: [event(3)], next_after: 3, sealed: true }),
    json({ events: [], next_after: 3, sealed: true }),
  ];
  await using server = await serveScript(...pages);
  const { stdout } = await parallax(["logs", "run_1", "--json", "--url", server.url]);
  expect(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).data.text),
  ).toEqual(["m1", "m2", "m3"]);
});

describe("help", () => {
  test("names every command and every exit code", async () => {
    const { exitCode, stdout } = await parallax(["help"]);
    expect(exitCode).toBe(0);
    for (const command of commands) expect(stdout).toContain(`  ${command.name}`);
    expect(stdout).toMatch(/ 130 {2}Ctrl-C/);
  });

  test.each(["up", "run", "doctor"])("of %s lists its flags with their variables", async (name) => {
    const page = await parallax(["help", name]);
    expect(page.stdout).toContain(name === "doctor" ? "PARALLAX_DATA_DIR" : "PARALLAX_");
    expect((await parallax([name, "--help"])).stdout).toBe(page.stdout);
  });

  test("gives two flags of one command never the same variable", async () => {
    const { envNameOf } = await import("./read-flags.ts");
    for (const command of commands) {
      const names = command.options.map(envNameOf);
      expect(new Set(names).size, command.name).toBe(names.length);
    }
  });
});
