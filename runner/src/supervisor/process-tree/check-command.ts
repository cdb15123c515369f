import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, isAbsolute, resolve } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import type { SpawnTreeOptions } from "./process-tree.ts";

/** What a C library searches when PATH is not set at all. */
const PATH_DEFAULT = "/usr/local/bin:/bin:/usr/bin";
const SHEBANG_BYTES_MAX = 256;
const MARKER = /^[A-Za-z0-9._:-]{1,200}$/;

/** The program as an absolute path, and its arguments. */
export interface CheckedCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** Refuses, before anything is started, what would otherwise come back as a riddle from the depth of the process chain. */
export function checkCommand(options: Pick<SpawnTreeOptions, "argv" | "cwd" | "env" | "marker">): CheckedCommand {
  const [name, ...args] = options.argv;
  if (name === undefined || name === "") throw new ParallaxError("invalid_request", "argv names no program");
  checkMarker(options.marker);
  for (const [index, argument] of options.argv.entries()) checkText(argument, `argv[${index}]`);
  for (const [key, value] of Object.entries(options.env)) checkVariable(key, value);
  checkDirectory(options.cwd);
  const program = findProgram(name, options.cwd, options.env.PATH);
  checkInterpreter(program);
  return { program, args };
}

/** A marker is compared byte for byte in other processes' environments, so it is kept plain. */
export function checkMarker(marker: string): void {
  if (MARKER.test(marker)) return;
  throw new ParallaxError("invalid_request", "the marker must be 1 to 200 letters, digits or any of ._:-");
}

/** Values may be secrets: the error names the place, never the text. */
function checkText(text: string, where: string): void {
  if (text.includes("\0")) {
    throw new ParallaxError("invalid_request", `${where} contains a NUL character, which no program can receive`);
  }
  if (!text.isWellFormed()) {
    throw new ParallaxError("invalid_request", `${where} contains half a surrogate pair, which has no bytes`);
  }
}

function checkVariable(key: string, value: string): void {
  if (key === "" || key.includes("=")) {
    throw new ParallaxError("invalid_request", "an environment variable's name is empty or contains '='");
  }
  checkText(key, "an environment variable's name");
  checkText(value, `the environment variable ${key}`);
}

function checkDirectory(cwd: string): void {
  checkText(cwd, "the project directory");
  if (!isAbsolute(cwd)) throw new ParallaxError("invalid_request", "the project directory must be an absolute path");
  const problem = directoryProblem(cwd);
  if (problem === null) return;
  throw new ParallaxError("project_dir_missing", `the project directory ${cwd} ${problem}`, {
    hint: "Create it on the runner's host, or correct project_dir.",
    details: { projectDir: cwd },
  });
}

function directoryProblem(path: string): string | null {
  try {
    if (!statSync(path).isDirectory()) return "is not a directory";
    accessSync(path, constants.X_OK);
    return null;
  } catch (error) {
    return errorCode(error) === "EACCES" ? "may not be entered by this user" : "does not exist";
  }
}

function findProgram(name: string, cwd: string, path: string | undefined): string {
  if (name.includes("/")) {
    const candidate = resolve(cwd, name);
    const problem = programProblem(candidate);
    if (problem === null) return candidate;
    throw notFound(name, `${candidate} ${problem}`);
  }
  let nearMiss: string | null = null;
  for (const folder of (path ?? PATH_DEFAULT).split(delimiter)) {
    const candidate = resolve(cwd, folder, name);
    const problem = programProblem(candidate);
    if (problem === null) return candidate;
    if (problem !== "does not exist") nearMiss ??= `${candidate} ${problem}`;
  }
  throw notFound(name, nearMiss ?? `${name} is in no folder of PATH`);
}

function programProblem(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return "is not a file";
    accessSync(path, constants.X_OK);
    return null;
  } catch (error) {
    return errorCode(error) === "EACCES" ? "is not executable" : "does not exist";
  }
}

/** A script whose interpreter is gone (a removed Python environment, mostly) fails with the script's own name otherwise. */
function checkInterpreter(program: string): void {
  const interpreter = /^#![ \t]*([^\s]+)/.exec(readStart(program))?.[1];
  if (interpreter === undefined || !isAbsolute(interpreter)) return;
  const problem = programProblem(interpreter);
  if (problem !== null) throw notFound(program, `its interpreter ${interpreter} ${problem}`);
}

function readStart(path: string): string {
  const buffer = Buffer.alloc(SHEBANG_BYTES_MAX);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, SHEBANG_BYTES_MAX, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return ""; // Executable but not readable: then it is no script.
  }
}

function notFound(name: string, reason: string): ParallaxError {
  return new ParallaxError("executor_not_found", `cannot start ${name}: ENOENT, ${reason}`, {
    hint: "Install the program on the runner's host, or put its folder into the PATH the runner is started with.",
    details: { program: name },
  });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
