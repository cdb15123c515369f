import { expect, it } from "vitest";
import { checkCitedTests, findCitedTests } from "./check-cited-tests.ts";

const SOURCES: Readonly<Record<string, string>> = {
  "a.int.test.ts": 'it("does one thing", …); it("does another", …)',
};
const check = (markdown: string): string[] => checkCitedTests(markdown, (file) => SOURCES[file] ?? null);

it("finds every name that is quoted behind a test file, wrapped or not", () => {
  const text = 'Held by `a.int.test.ts`: "does one\n  thing", "does another". It says "nothing" elsewhere.';
  expect(findCitedTests(text)).toEqual([
    { file: "a.int.test.ts", name: "does one thing", line: 2 },
    { file: "a.int.test.ts", name: "does another", line: 2 },
  ]);
  expect(check(text)).toEqual([]);
});

it("misses a test that was renamed", () => {
  expect(check('one\n`a.int.test.ts`: "does a third thing"')).toEqual([
    '2: a.int.test.ts has no test "does a third thing"',
  ]);
});

it("takes no quote that stands somewhere else for a test's name", () => {
  expect(findCitedTests('`a.int.test.ts`, which counts. "Quoted" | `a.int.test.ts` | "in the next cell"')).toEqual([]);
});

it("leaves a file that does not exist to the check of paths", () => {
  expect(check('`gone.test.ts`: "whatever"')).toEqual([]);
});
