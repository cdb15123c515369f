import { expect, it } from "vitest";
import { indexPaths, pathExists } from "./resolve-path.ts";

const REPOSITORY = indexPaths([
  "README.md",
  "coordinator/src/main.ts",
  "executors/test/README.md",
  "executors/test/index.ts",
  "runner/src/runtimes/local/start.ts",
]);

it.each([
  ["coordinator/src/main.ts", "."],
  ["./coordinator/src/", "."],
  ["index.ts", "executors/test"],
  ["../../README.md", "executors/test"],
  ["start.ts", "."],
  ["executors/<name>/index.ts", "."],
  ["runner/src/runtimes/*/start.ts", "."],
  ["runner/**/start.ts", "."],
  ["{coordinator,runner}/src", "."],
])("%s exists, seen from %s", (path, folder) => {
  expect(pathExists(path, folder, REPOSITORY)).toBe(true);
});

it.each([
  ["coordinator/src/app.ts", "."],
  ["executors/<name>/Dockerfile", "."],
  ["runner/src/runtimes/{local,docker}/start.ts", "."],
  ["gone.ts", "."],
  ["../outside.md", "."],
  ["coordinator/src/main", "."],
])("%s does not, seen from %s", (path, folder) => {
  expect(pathExists(path, folder, REPOSITORY)).toBe(false);
});
