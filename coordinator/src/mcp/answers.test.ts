import { ParallaxError } from "@parallax/shared/errors";
import { describe, expect, it } from "vitest";
import type { ChildReport } from "../inbox/pay-duty.ts";
import { boundData, cutResult, errorAnswer, RESULT_CHARACTERS_MAX, reportAnswer } from "./answers.ts";

const report: ChildReport = {
  session_id: "ses_1",
  run_id: "run_1",
  status: "completed",
  outcome: "completed",
  result_text: "done",
  result_data: null,
  error: null,
};

describe("cutting a result", () => {
  it("leaves what fits as it is", () => {
    const text = "x".repeat(RESULT_CHARACTERS_MAX);
    expect(cutResult(text, "ses_1", 0)).toEqual({ text, nextOffset: null });
  });

  it("says what was cut and which call reads on", () => {
    const { text, nextOffset } = cutResult("x".repeat(RESULT_CHARACTERS_MAX + 1), "ses_1", 0);
    expect(nextOffset).toBe(RESULT_CHARACTERS_MAX);
    expect(text).toMatch(
      /cut after 50000 of 50001 characters; get_agent_session_result with session_id "ses_1" and offset 50000/,
    );
  });

  it("never cuts inside a character, nor begins inside one", () => {
    const text = `x${"🙂".repeat(RESULT_CHARACTERS_MAX)}`;
    const { nextOffset } = cutResult(text, "ses_1", 0);
    expect(nextOffset).toBe(RESULT_CHARACTERS_MAX - 1);
    expect(cutResult(text, "ses_1", 2).text.startsWith("🙂")).toBe(true);
  });

  it("answers nothing behind the end", () => {
    expect(cutResult("short", "ses_1", 99)).toEqual({ text: "", nextOffset: null });
  });
});

describe("a child's report", () => {
  it("names the outcome only when it is not the plain one", () => {
    expect(reportAnswer(report).document).toEqual({ session_id: "ses_1", result_text: "done", result_data: null });
    expect(reportAnswer({ ...report, outcome: "needs_input" }).document).toMatchObject({ outcome: "needs_input" });
  });

  it("of a failure is an error with a code of the table", () => {
    const failed = { ...report, status: "failed" as const, error: "broke" };
    expect(reportAnswer({ ...failed, outcome: "poison" })).toMatchObject({
      isError: true,
      document: { code: "poison" },
    });
    expect(reportAnswer({ ...failed, outcome: "agent_error" })).toMatchObject({ document: { code: "agent_failed" } });
  });

  it("leaves out data that is too long to hand out, and says so", () => {
    expect(boundData({ a: 1 })).toEqual({ result_data: { a: 1 } });
    const long = boundData({ a: "x".repeat(RESULT_CHARACTERS_MAX) });
    expect(long).toMatchObject({
      result_data: null,
      result_data_omitted: expect.stringContaining("characters of JSON"),
    });
  });
});

it("an error's hint names a tool of the agent, not a route", () => {
  const error = new ParallaxError("blueprint_not_found", "no agent blueprint 'x'", { hint: "GET /agents lists them" });
  expect(errorAnswer(error).document).toEqual({
    error: "no agent blueprint 'x'",
    code: "blueprint_not_found",
    hint: "list_agent_blueprints shows which there are",
  });
});
