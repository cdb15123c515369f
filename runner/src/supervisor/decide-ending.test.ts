import { ParallaxError } from "@parallax/shared/errors";
import type { Ending } from "@parallax/shared/executor/adapter";
import { OUTCOMES } from "@parallax/shared/outcome";
import { describe, expect, test } from "vitest";
import { decideEnding, endingOfError, endingOfStop } from "./decide-ending.ts";

const judged = (outcome: Ending["outcome"]): Ending => ({
  outcome,
  resultText: "text",
  resultData: { a: 1 },
  error: null,
  usage: { tokens: 5 },
});

describe("decideEnding", () => {
  test.each(OUTCOMES)("leaves the adapter's judgement alone when nobody intervened: %s", (outcome) => {
    expect(decideEnding(judged(outcome), null)).toEqual(judged(outcome));
  });

  test.each(["completed", "completed_with_denials", "refused", "usage_limited", "needs_input"] as const)(
    "work that was done before a stop counts as done: %s",
    (outcome) => {
      expect(decideEnding(judged(outcome), { kind: "stop", reason: "enough" }).outcome).toBe(outcome);
    },
  );

  test.each(["interrupted", "stopped", "agent_error", "executor_error"] as const)(
    "a stop explains an end as %s",
    (outcome) => {
      const ending = decideEnding(judged(outcome), { kind: "stop", reason: "enough" });
      expect(ending).toMatchObject({
        outcome: "stopped",
        error: { code: "stopped", message: "enough" },
        usage: { tokens: 5 },
      });
    },
  );

  test("a full disk explains an end that it caused, and takes nothing from work that was done", () => {
    const cause = { kind: "disk_full", reason: "no room" } as const;
    expect(decideEnding(judged("agent_error"), cause)).toMatchObject({
      outcome: "infra_error",
      error: { code: "disk_full", message: "no room" },
    });
    expect(decideEnding(judged("completed"), cause).outcome).toBe("completed");
  });

  test("an interrupt keeps the session: the end is no failure", () => {
    expect(decideEnding(judged("agent_error"), { kind: "interrupt", reason: "x" })).toMatchObject({
      outcome: "interrupted",
      error: null,
    });
  });

  test.each(["timeout", "idle_timeout"] as const)(
    "a missed deadline is the outcome, whatever the agent made of its end: %s",
    (kind) => {
      expect(decideEnding(judged("completed"), { kind, reason: "ran long" })).toMatchObject({
        outcome: kind,
        error: { code: kind },
        resultText: "text",
      });
    },
  );

  test("a stop before there was an agent is a stop", () => {
    expect(endingOfStop({ kind: "stop", reason: "enough" }).outcome).toBe("stopped");
  });
});

describe("endingOfError", () => {
  test("tells the executor's fault from the host's, with code and hint", () => {
    const executor = endingOfError(new ParallaxError("executor_not_found", "no claude here", { hint: "install it" }));
    expect(executor).toMatchObject({
      outcome: "executor_error",
      error: { code: "executor_not_found", hint: "install it" },
    });
    expect(endingOfError(new ParallaxError("project_dir_missing", "gone"))).toMatchObject({ outcome: "infra_error" });
  });

  test("makes something of an error that has no code", () => {
    expect(endingOfError(new TypeError("x is not a function"))).toMatchObject({
      outcome: "infra_error",
      error: { code: "internal", message: "x is not a function" },
    });
  });
});
