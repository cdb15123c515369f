import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAdminKey } from "./admin-key.ts";

let project = "";
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "parallax-data-dir-"));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const git = (...args: string[]) => execFileSync("git", ["-C", project, ...args], { encoding: "utf8" });

describe("a data directory in a project of one's own", () => {
  it("shows git nothing, above all not the key", async () => {
    git("init", "--quiet");
    await openAdminKey(join(project, ".parallax"));
    expect(git("status", "--porcelain", "--untracked-files=all")).toBe("");
    git("add", "--all");
    expect(git("ls-files")).toBe("");
  });

  it("is hidden also when `up` or an older version has made it", async () => {
    const dataDir = join(project, ".parallax");
    mkdirSync(dataDir);
    await openAdminKey(dataDir);
    expect(readFileSync(join(dataDir, ".gitignore"), "utf8")).toMatch(/^\*$/m);
  });

  it("keeps a .gitignore that somebody has written", async () => {
    writeFileSync(join(project, ".gitignore"), "logs\n");
    await openAdminKey(project);
    expect(readFileSync(join(project, ".gitignore"), "utf8")).toBe("logs\n");
  });

  it("hides nothing else when it is a directory that holds a project", async () => {
    writeFileSync(join(project, "main.c"), "");
    await openAdminKey(project);
    expect(() => readFileSync(join(project, ".gitignore"))).toThrow();
  });

  it("is closed to other users", async () => {
    const dataDir = join(project, "deep/data");
    await openAdminKey(dataDir);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });
});
