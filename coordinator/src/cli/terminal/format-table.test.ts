import { expect, test } from "vitest";
import { captureIo } from "../testing/captured-io.ts";
import { formatTable } from "./format-table.ts";

const columns = [
  { title: "ID", cell: (row: { id: string; text: string }) => row.id },
  { title: "TEXT", cell: (row: { id: string; text: string }) => row.text },
];
const rows = [
  { id: "run_1", text: "a very long text that goes on" },
  { id: "x", text: "\u001b[31mtwo\nlines" },
];

test("a terminal gets the last column cut at its edge, a pipe gets all of it", () => {
  expect(formatTable(captureIo({ isTty: true, columns: 20, env: { NO_COLOR: "1" } }), columns, rows)).toEqual([
    "ID     TEXT",
    "run_1  a very long …",
    "x      two lines",
  ]);
  expect(formatTable(captureIo(), columns, rows)[1]).toBe("run_1  a very long text that goes on");
});

test("colour is for terminals, and for those who did not refuse it", () => {
  const hasColour = (env: Record<string, string>, isTty: boolean) =>
    captureIo({ env, isTty }).paint("red", "x") !== "x";
  expect(hasColour({}, true)).toBe(true);
  expect(hasColour({}, false)).toBe(false);
  expect(hasColour({ NO_COLOR: "1", FORCE_COLOR: "1" }, true)).toBe(false);
  expect(hasColour({ FORCE_COLOR: "1" }, false)).toBe(true);
  expect(hasColour({ TERM: "dumb" }, true)).toBe(false);
});
