import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Absolute path of the checkout, without a slash at the end. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Git refuses a checkout that belongs to somebody else; reading it is harmless. */
const GIT = ["-c", `safe.directory=${ROOT}`];

/** The files of the repository, relative to its root: tracked or new, never ignored, never deleted. */
export function listRepositoryFiles(): string[] {
  const listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0");
  return [...new Set(listed)].filter((file) => file !== "" && existsSync(`${ROOT}/${file}`)).sort();
}

/** Files that git neither tracks nor ignores. */
export function listUntrackedFiles(): string[] {
  return git("ls-files", "-z", "--others", "--exclude-standard")
    .split("\0")
    .filter((file) => file !== "");
}

/** Folders of ours that hold TypeScript, in the order in which they may depend on each other. */
export const SOURCE_FOLDERS = ["shared", "patterns", "executors", "runner", "coordinator", "scripts"];

function git(...args: string[]): string {
  return execFileSync("git", [...GIT, ...args], { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

/** What is checked out: the commit, and whether the work tree differs from it. */
export function describeCommit(): { readonly commit: string; readonly changed: boolean } {
  return { commit: git("rev-parse", "HEAD").trim(), changed: git("status", "--porcelain").trim() !== "" };
}
