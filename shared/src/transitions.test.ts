import { describe, expect, it } from "vitest";
import { INBOX_EVENTS, INBOX_STATES, INBOX_TRANSITIONS } from "./inbox-state.ts";
import { OUTCOMES, stateOfOutcome } from "./outcome.ts";
import {
  answerRunEvent,
  isTerminalRun,
  RUN_EVENTS,
  RUN_STATES,
  RUN_TRANSITIONS,
  TERMINAL_RUN_STATES,
} from "./run-state.ts";
import { nextSessionState, SESSION_EVENTS, SESSION_STATES, SESSION_TRANSITIONS } from "./session-state.ts";

describe("the run's table", () => {
  it("answers every event in every state", () => {
    for (const state of RUN_STATES) expect(Object.keys(RUN_TRANSITIONS[state]).sort()).toEqual([...RUN_EVENTS].sort());
  });

  it("lets no event leave a terminal state", () => {
    for (const state of TERMINAL_RUN_STATES) {
      for (const event of RUN_EVENTS) expect(["ignored", "refused"]).toContain(answerRunEvent(state, event));
    }
  });

  it("reaches every state from pending, and a terminal one from everywhere", () => {
    const reach = (from: readonly string[]): Set<string> => {
      const seen = new Set(from);
      for (const state of seen) {
        for (const answer of Object.values(RUN_TRANSITIONS[state as (typeof RUN_STATES)[number]])) {
          if (answer !== "ignored" && answer !== "refused") seen.add(answer);
        }
      }
      return seen;
    };
    expect([...reach(["pending"])].sort()).toEqual([...RUN_STATES].sort());
    for (const state of RUN_STATES)
      expect([...reach([state])].some((other) => isTerminalRun(other as never))).toBe(true);
  });

  it("never claims or starts a run that is being stopped", () => {
    expect(answerRunEvent("stopping", "claim")).toBe("refused");
    expect(answerRunEvent("stopping", "start")).toBe("refused");
    expect(answerRunEvent("stopping", "lose")).toBe("stopped");
  });

  it("claims only what is pending", () => {
    expect(RUN_STATES.filter((state) => answerRunEvent(state, "claim") === "claimed")).toEqual(["pending"]);
  });
});

describe("outcomes", () => {
  it("each belong to one terminal state, and nothing that went wrong counts as completed", () => {
    for (const outcome of OUTCOMES) expect(TERMINAL_RUN_STATES).toContain(stateOfOutcome(outcome));
    const failed = OUTCOMES.filter((outcome) => stateOfOutcome(outcome) === "failed");
    expect(failed).toEqual(
      expect.arrayContaining(["refused", "agent_error", "timeout", "lost", "poison", "usage_limited"]),
    );
  });
});

describe("the session's table", () => {
  it("answers every event in every state", () => {
    for (const state of SESSION_STATES)
      expect(Object.keys(SESSION_TRANSITIONS[state]).sort()).toEqual([...SESSION_EVENTS].sort());
  });

  it("lets every state be resumed", () => {
    for (const state of SESSION_STATES)
      expect(["running", "stopping"]).toContain(nextSessionState(state, "run_started"));
  });

  it("does not let a late report change the look of a stopped session", () => {
    expect(nextSessionState("stopped", "turn_awaits")).toBe("stopped");
    expect(nextSessionState("stopped", "turn_ended")).toBe("stopped");
  });
});

describe("the inbox's table", () => {
  it("answers every event in every state", () => {
    for (const state of INBOX_STATES)
      expect(Object.keys(INBOX_TRANSITIONS[state]).sort()).toEqual([...INBOX_EVENTS].sort());
  });

  it("never brings a consumed item back", () => {
    expect(Object.values(INBOX_TRANSITIONS.consumed).every((answer) => answer === "ignored")).toBe(true);
  });
});
