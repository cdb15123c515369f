import { expect, test } from "vitest";
import { formatLine } from "./log.ts";

const line = (fields: object): string =>
  formatLine(JSON.stringify({ level: 30, time: 0, ...fields })).slice("1970-01-01 00:00:00 ".length);

test("a terminal sees the fields that a message names", () => {
  expect(
    line({ component: "poller", runId: "run_1", type: "start_session", msg: "Received run {runId} ({type})" }),
  ).toBe("[INFO] poller: Received run run_1 (start_session)\n");
});

test("what a field holds cannot move the cursor or fake a line", () => {
  expect(line({ agent: "a\u001b[2Jb\nc", msg: "agent {agent}" })).toBe("[INFO] agent-runner: agent a [2Jb c\n");
});

test("an error's message is shown, a field that is not there stays as it is named", () => {
  expect(line({ level: 50, err: { message: "disk full" }, msg: "{what} failed" })).toBe(
    "[ERROR] agent-runner: {what} failed: disk full\n",
  );
});
