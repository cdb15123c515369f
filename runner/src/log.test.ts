import { expect, test } from "vitest";
import { formatLine } from "./log.ts";

const line = (fields: object): string =>
  formatLine(JSON.stringify({ level: 30, time: 0, ...fields })).slice("1970-01-01 00:00:00 ".length);

test("a terminal sees the lines that people know", () => {
  const fields = { component: "poller", runId: "run_1", type: "start_session", attempt: 1, msg: "Received run" };
  expect(line(fields)).toBe("[INFO] poller: Received run run_1 (start_session)\n");
  expect(line({ runnerId: "rnr_1", msg: "Registered" })).toBe("[INFO] agent-runner: Registered as rnr_1\n");
});

test("any other line is its message with its fields", () => {
  expect(line({ level: 40, runs: 2, reason: "SIGINT", msg: "Taking no more runs" })).toBe(
    "[WARNING] agent-runner: Taking no more runs runs=2 reason=SIGINT\n",
  );
});

test("what a field holds cannot move the cursor or fake a line", () => {
  expect(line({ agent: "a\u001b[2Jb\nc", msg: "said" })).toBe("[INFO] agent-runner: said agent=a [2Jb c\n");
});

test("an error is shown by its message, without its stack", () => {
  expect(line({ level: 50, err: { message: "disk full", stack: "at x" }, msg: "It failed" })).toBe(
    "[ERROR] agent-runner: It failed: disk full\n",
  );
});
