import { expect, test } from "vitest";
import { captureIo } from "../testing/captured-io.ts";
import { formatLogLine, isWorthShowing } from "./format-log-line.ts";

const line = (fields: object) =>
  JSON.stringify({ level: 30, time: 0, pid: 1, hostname: "h", msg: "taking {count} runs", count: 2, ...fields });

test("a log line is one line with its fields, its braces filled and its escapes gone", () => {
  const text = formatLogLine(captureIo(), "runner", line({ name: "x", runId: "run_1", text: "\u001b[2Ja\nb" }));
  expect(text).toMatch(/^\d\d:\d\d:\d\d runner {6}taking 2 runs count=2 runId=run_1 text=a b$/);
});

test("what is no log line is shown as it is, without its escapes", () => {
  expect(formatLogLine(captureIo(), "coordinator", "\u001b[31mtrace")).toBe("coordinator trace");
  expect(formatLogLine(captureIo(), "coordinator", '{"a":1}')).toBe('coordinator {"a":1}');
});

test("warnings and strange lines are worth showing, the daily business is not", () => {
  expect([line({ level: 40 }), "boom", line({}), ""].map(isWorthShowing)).toEqual([true, true, false, false]);
});
