import { expect, it } from "vitest";
import { belongsToRun } from "./leftovers.ts";

const MARKS = { marker: "abc", folder: "/tmp/plx-1/t" };
const STRANGER = { pid: 1, command: "sleep 60", folder: "/", environment: "A=1\0B=2\0" };

it.each([
  ["inherited the marker", { environment: "A=1\0PARALLAX_TEST_RUN=abc\0" }],
  ["works in the run's folder", { folder: "/tmp/plx-1/t/data" }],
  ["was told to work in the run's folder", { command: "postgres -D /tmp/plx-1/t/data" }],
])("a process that %s belongs to the run", (_, traits) => {
  expect(belongsToRun({ ...STRANGER, ...traits }, MARKS)).toBe(true);
});

it.each([
  ["has nothing of the run", {}],
  ["has another run's marker", { environment: "PARALLAX_TEST_RUN=abcd\0" }],
  ["works in a folder whose name merely begins alike", { folder: "/tmp/plx-1/tx" }],
])("a process that %s does not", (_, traits) => {
  expect(belongsToRun({ ...STRANGER, ...traits }, MARKS)).toBe(false);
});
