import { completionSchema } from "@parallax/shared/protocol/attempts";
import { expect, test } from "vitest";
import { makeCompletion } from "./complete-attempt.ts";

const facts = {
  incarnation: "inc_1",
  ending: { outcome: "completed", resultText: "done", resultData: null, error: null, usage: null },
  exit: null,
  executorSessionId: null,
  itemsTaken: [],
  seal: { lastFrame: 0, logBytes: 0, logSha256: "0".repeat(64) },
} as const;

test("a completion is what the protocol takes, whatever the agent said", () => {
  const error = {
    code: "agent_failed",
    message: `a\u0000b\ud800${"x".repeat(100_000)}`,
    hint: "h".repeat(9_000),
  } as const;
  const completion = makeCompletion({
    ...facts,
    ending: { ...facts.ending, outcome: "agent_error", resultText: "\u0000\ud800", error },
  });
  expect(completionSchema.safeParse(completion).error).toBeUndefined();
});

test("a result beyond the bound is cut between characters, and says so", () => {
  const text = "\u{1F600}".repeat(400_000);
  const result = makeCompletion({ ...facts, ending: { ...facts.ending, resultText: text } }).result_text ?? "";
  expect(Buffer.byteLength(result)).toBeLessThanOrEqual(1024 * 1024);
  expect(result).toMatch(/\[cut: the result has 1600000 bytes, 1048576 are kept\]$/);
  expect(result).not.toContain("\ufffd");
});

test("data that no coordinator would take is named, not sent", () => {
  const data = { list: "x".repeat(5_000_000) };
  expect(makeCompletion({ ...facts, ending: { ...facts.ending, resultData: data } }).result_data).toMatchObject({
    truncated: true,
  });
});
