import { describe, expect, test } from "vitest";
import { loadConfig, type RunnerConfig } from "./config.ts";

const env = { HOME: "/home/one" };
function load(argv: readonly string[], more: Record<string, string> = {}): RunnerConfig {
  const command = loadConfig(argv, { ...env, ...more }, "/srv/project");
  if (command.kind === "help") throw new Error("help");
  return command.config;
}

describe("loadConfig", () => {
  test("has a default for everything", () => {
    expect(load([])).toMatchObject({
      coordinatorUrl: "http://localhost:8765",
      executor: null,
      projectDir: "/srv/project",
      slots: 10,
      once: false,
      drainTimeoutMs: 0,
      pollHoldMs: 25_000,
      heartbeatIntervalMs: 10_000,
      token: null,
    });
  });

  test("takes the seed's short flags and its environment variables, and the flag first", () => {
    const variables = {
      AGENT_ORCHESTRATOR_API_URL: "http://from-env:1",
      PROJECT_DIR: "/from/env",
      POLL_TIMEOUT: "7",
      HEARTBEAT_INTERVAL: "3",
      PARALLAX_TOKEN: "t",
    };
    expect(load([], variables)).toMatchObject({
      coordinatorUrl: "http://from-env:1",
      projectDir: "/from/env",
      pollHoldMs: 7_000,
      heartbeatIntervalMs: 3_000,
      token: "t",
    });
    const flags = [
      "-c",
      "https://flag:2/",
      "-p",
      "sub",
      "-x",
      "test",
      "-v",
      "--slots",
      "3",
      "--labels",
      "a, b",
      "--tags=c",
    ];
    expect(load(flags, variables)).toMatchObject({
      coordinatorUrl: "https://flag:2",
      projectDir: "/srv/project/sub",
      executor: "test",
      verbose: true,
      slots: 3,
      labels: ["a", "b"],
      tags: ["c"],
    });
  });

  test("makes a state directory that is the same for the same coordinator, project and executor", () => {
    const { stateDir } = load(["-x", "test"]);
    expect(stateDir).toMatch(/^\/home\/one\/\.local\/state\/parallax\/runner-[0-9a-f]{12}$/);
    expect(load(["-x", "test"]).stateDir).toBe(stateDir);
    expect(load([]).stateDir).not.toBe(stateDir);
    expect(load([], { XDG_STATE_HOME: "/state" }).stateDir).toMatch(/^\/state\/parallax\//);
    expect(load(["--state-dir", "mine"]).stateDir).toBe("/srv/project/mine");
  });

  test("--run means one run only", () => {
    expect(load(["--run", "run_1"])).toMatchObject({ runId: "run_1", once: true });
  });

  test.each([
    [["--nonsense"], "config_invalid"],
    [["--slots", "0"], "config_invalid"],
    [["--slots", "1.5"], "config_invalid"],
    [["--slots", ""], null],
    [["--drain-timeout", "soon"], "config_invalid"],
    [["-c", "ftp://somewhere"], "config_invalid"],
    [["-c", "not a url"], "config_invalid"],
    [["--labels", "a,b c"], "config_invalid"],
    [["-x", "../escape"], "config_invalid"],
    [["-e", "script.sh"], "unsupported_option"],
    [["-e", "script.sh", "-x", "test"], "config_invalid"],
    [["--runtime", "local,docker"], "unsupported_option"],
    [["--runtime", "moon"], "unsupported_option"],
    [["--token", "a", "--token-file", "b"], "config_invalid"],
  ] as const)("%j is answered with %s", (argv, code) => {
    if (code === null) expect(load(argv).slots).toBe(10);
    else expect(() => load(argv)).toThrow(expect.objectContaining({ code }));
  });

  test("an executor script in the environment is refused too, unless an executor was named", () => {
    expect(() => load([], { AGENT_EXECUTOR_PATH: "x" })).toThrow(
      expect.objectContaining({ code: "unsupported_option" }),
    );
    expect(load(["-x", "test"], { AGENT_EXECUTOR_PATH: "x" }).executor).toBe("test");
  });

  test("takes differences from the supervisors' bounds, and refuses names that are none", () => {
    expect(load([], { PARALLAX_SUPERVISOR_LIMITS: '{"resultGraceMs":5}' }).timing).toEqual({ resultGraceMs: 5 });
    expect(() => load([], { PARALLAX_SUPERVISOR_LIMITS: '{"nope":5}' })).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
    expect(() => load([], { PARALLAX_SUPERVISOR_LIMITS: "5" })).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
  });
});
