import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkCommand } from "./check-command.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "parallax-command-"));
  mkdirSync(join(folder, "first"));
  mkdirSync(join(folder, "second"));
  writeFileSync(join(folder, "first/agent"), "not executable", { mode: 0o644 });
  writeFileSync(join(folder, "second/agent"), "#! /bin/sh -e\n", { mode: 0o755 });
  writeFileSync(join(folder, "second/orphan"), "#!/opt/gone/bin/python3\n", { mode: 0o755 });
  writeFileSync(join(folder, "file"), "");
});
afterAll(() => {
  chmodSync(folder, 0o755);
  rmSync(folder, { recursive: true });
});

function check(changes: Partial<Parameters<typeof checkCommand>[0]>) {
  return () => checkCommand({ argv: ["true"], cwd: folder, env: { PATH: "/bin" }, marker: "run_1.1", ...changes });
}

describe("checkCommand", () => {
  it("takes the first executable of that name in PATH, relative folders counting from the project directory", () => {
    const env = { PATH: "first:second" };
    expect(check({ argv: ["agent", "-x", ""], env })()).toEqual({
      program: join(folder, "second/agent"),
      args: ["-x", ""],
    });
    expect(check({ argv: ["./second/agent"] })().program).toBe(join(folder, "second/agent"));
    expect(check({ argv: ["true"], env: {} })().program).toMatch(/^\/(usr\/)?bin\/true$/);
  });

  it("names the program that is missing, and why", () => {
    expect(check({ argv: ["no-such-agent"] })).toThrow(
      expect.objectContaining({ code: "executor_not_found", message: expect.stringMatching(/no-such-agent: ENOENT/) }),
    );
    for (const [argv, reason] of [
      [["./first/agent"], "is not executable"],
      [["./first"], "is not a file"],
      [["./gone"], "does not exist"],
      [["./file/agent"], "does not exist"],
    ] as const) {
      expect(check({ argv })).toThrow(reason);
    }
    expect(check({ argv: ["agent"], env: { PATH: "first" } })).toThrow("first/agent is not executable");
  });

  it("names the interpreter that is missing", () => {
    const problem = {
      code: "executor_not_found",
      message: expect.stringContaining("/opt/gone/bin/python3 does not exist"),
    };
    expect(check({ argv: ["orphan"], env: { PATH: "second" } })).toThrow(expect.objectContaining(problem));
  });

  it("refuses a project directory that is not one", () => {
    for (const [cwd, code] of [
      ["/no/such/place", "project_dir_missing"],
      ["/etc/passwd", "project_dir_missing"],
      ["relative", "invalid_request"],
      ["/tmp\0", "invalid_request"],
    ] as const) {
      expect(check({ cwd })).toThrow(expect.objectContaining({ code }));
    }
  });

  it("refuses what has no bytes, without repeating it", () => {
    for (const changes of [
      { argv: [] },
      { argv: [""] },
      { argv: ["true", "secret\0"] },
      { argv: ["true", "secret\ud800"] },
      { env: { KEY: "secret\0" } },
      { env: { "KEY\0": "secret" } },
      { env: { "": "secret" } },
      { env: { "A=B": "secret" } },
      { marker: "" },
      { marker: "two words" },
    ]) {
      expect(check(changes)).toThrow(
        expect.objectContaining({ code: "invalid_request", message: expect.not.stringContaining("secret") }),
      );
    }
  });
});
