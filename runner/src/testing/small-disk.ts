import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../supervisor/process-tree/tree-support.ts";

export interface SmallDisk extends Disposable {
  readonly path: string;
}

const run = (tool: string, args: readonly string[]): boolean => {
  const program = findTool(tool);
  return program !== null && spawnSync(program, args, { stdio: "ignore" }).status === 0;
};
const mount = (args: readonly string[]): boolean => run("mount", args);
const unmount = (path: string): boolean => run("umount", ["--lazy", path]);

/** Whether this user may mount: else there is no disk that a test could fill. */
export function canMountDisk(dir: string): boolean {
  return mount(["-t", "tmpfs", "-o", "size=1m", "parallax-test", dir]) && unmount(dir);
}

/** A file system of its own with room for so much. */
export function mountSmallDisk(dir: string, mebibytes: number): SmallDisk {
  const path = join(dir, "disk");
  mkdirSync(path);
  if (!mount(["-t", "tmpfs", "-o", `size=${mebibytes}m`, "parallax-test", path])) throw new Error("no disk");
  return { path, [Symbol.dispose]: () => void unmount(path) };
}
