import { readFile } from "node:fs/promises";
import type { AgentEvent, AgentSignal, Ending, ProcessExit } from "@parallax/shared/executor/adapter";
import { describe, expect, test } from "vitest";
import { createClaudeReader } from "./create-reader.ts";

const CLEAN: ProcessExit = { exitCode: 0, signal: null, durationMs: 1000 };
const FAILED: ProcessExit = { ...CLEAN, exitCode: 1 };

interface Replayed {
  readonly events: readonly AgentEvent[];
  readonly signals: readonly string[];
  readonly ending: Ending;
}

function read(lines: readonly string[], exit = CLEAN, stopRequested = false, stderr: readonly string[] = []): Replayed {
  const reader = createClaudeReader();
  const readings = [...lines.map((line) => reader.stdoutLine(line)), ...stderr.map((line) => reader.stderrLine(line))];
  return {
    events: readings.flatMap((reading) => reading.events),
    signals: readings.flatMap((reading) => reading.signals.map((signal: AgentSignal) => signal.kind)),
    ending: reader.finish(exit, { stopRequested }).ending,
  };
}

async function transcript(name: string): Promise<string[]> {
  return (await readFile(new URL(`../transcripts/${name}.jsonl`, import.meta.url), "utf8")).trimEnd().split("\n");
}

const json = (fields: object): string => JSON.stringify(fields);

describe("what the real CLI said", () => {
  test.each([
    ["answer", CLEAN, "completed", null],
    ["resumed", CLEAN, "completed", null],
    ["mcp-calls", CLEAN, "completed", null],
    ["edits", CLEAN, "completed", null],
    ["subagent", CLEAN, "completed", null],
    ["steered", CLEAN, "completed", null],
    ["api-retry", CLEAN, "completed", null],
    ["denied", CLEAN, "completed_with_denials", "agent_denied"],
    ["refused", FAILED, "refused", "agent_refused"],
    ["api-error-401", FAILED, "agent_error", "agent_api_error"],
    ["api-error-429", FAILED, "usage_limited", "agent_api_error"],
    ["api-error-529", FAILED, "agent_error", "agent_api_error"],
    ["dropped", FAILED, "agent_error", "agent_api_error"],
    ["max-turns", FAILED, "agent_error", "agent_failed"],
    ["max-budget", FAILED, "budget_exceeded", "agent_failed"],
    ["interrupted", FAILED, "interrupted", null],
    ["interrupted-tool", FAILED, "interrupted", null],
    ["missing-conversation", FAILED, "agent_error", "agent_session_missing"],
    ["terminated", { ...CLEAN, exitCode: 143 }, "agent_error", "agent_ended_without_result"],
  ] as const)("%s is judged by its events, with the exit code last", async (name, exit, outcome, code) => {
    const { ending } = read(await transcript(name), exit);
    expect([ending.outcome, ending.error?.code ?? null]).toEqual([outcome, code]);
  });

  test("every turn that ended is told once, whatever it was", async () => {
    for (const name of ["answer", "denied", "refused", "api-error-529", "interrupted", "subagent", "steered"]) {
      const { signals } = read(await transcript(name));
      expect([name, signals]).toEqual([name, ["bound", "prompt_taken", "turn_ended"]]);
    }
    expect(read(await transcript("terminated")).signals).toEqual(["bound", "prompt_taken"]);
    expect(read(await transcript("missing-conversation")).signals).toEqual(["turn_ended"]);
  });

  test("the same lines cut off anywhere never make a success", async () => {
    const lines = await transcript("denied");
    for (let kept = 0; kept < lines.length - 2; kept += 1) {
      expect(read(lines.slice(0, kept), FAILED).ending.error?.code).toBe("agent_ended_without_result");
    }
  });
});

describe("lines that are not in the recordings", () => {
  const result = { type: "result", subtype: "success", is_error: false, result: "ok", stop_reason: "end_turn" };
  const init = { type: "system", subtype: "init", session_id: "c1", mcp_servers: [] };

  test("a CLI that does not tell when it is idle is believed at its result", () => {
    expect(read([json(init), json(result)]).signals).toEqual(["bound", "prompt_taken", "turn_ended"]);
  });

  test("a usage limit is told with its reset and explains the end", () => {
    const info = { status: "rejected", resetsAt: 1_800_000_000, rateLimitType: "five_hour" };
    const synthetic = {
      type: "assistant",
      error: "rate_limit",
      message: { content: [{ type: "text", text: "limit reached" }] },
    };
    const failed = { ...result, is_error: true, result: "limit reached", terminal_reason: "api_error" };
    const { events, ending } = read([
      json({ type: "rate_limit_event", rate_limit_info: info }),
      json(synthetic),
      json(failed),
    ]);
    const resets_at = "2027-01-15T08:00:00.000Z";
    expect(events[0]).toEqual({ type: "limit", data: { status: "rejected", resets_at, limit: "five_hour" } });
    expect(ending).toMatchObject({
      outcome: "usage_limited",
      error: { details: { resets_at }, hint: expect.stringContaining(resets_at) },
    });
  });

  test("usage adds up over the results of a process, by model and with cost", () => {
    const of = (cost: number) => ({
      ...result,
      total_cost_usd: 99,
      model_usage_since_last_result: {
        m: { inputTokens: 10, outputTokens: 2, cacheReadInputTokens: 1, costUSD: cost },
      },
    });
    const counts = {
      input_tokens: 20,
      output_tokens: 4,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 2,
      cost_usd: 0.75,
    };
    expect(read([json(of(0.5)), json(of(0.25))]).ending.usage).toEqual({ ...counts, model_usage: { m: counts } });
  });

  test("usage without a split by model has tokens and an unknown cost", () => {
    const usage = { input_tokens: 3, output_tokens: 4 };
    expect(read([json({ ...result, usage, total_cost_usd: 1 })]).ending.usage).toMatchObject({
      ...usage,
      cost_usd: null,
    });
  });

  test("pictures in a tool's result are named, not copied", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(1000) } };
    const content = [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "see" }, image] }];
    const { events } = read([json({ type: "user", message: { content } })]);
    const attachments = [{ type: "image", media_type: "image/png", base64_chars: 1000 }];
    expect(events).toEqual([{ type: "tool_result", data: { id: "t", is_error: false, text: "see", attachments } }]);
  });

  test("partial messages become deltas", () => {
    const event = { type: "content_block_delta", delta: { type: "text_delta", text: "he" } };
    expect(read([json({ type: "stream_event", event })]).events).toEqual([
      { type: "message_delta", data: { role: "assistant", text: "he" } },
    ]);
  });

  test("what is not the protocol is output, and its end explains a death", () => {
    const { events, ending } = read(["Segmentation fault", "[1,2]", json({ type: "new_kind" })], FAILED, false, [
      "bad news",
    ]);
    expect(events.map((event) => [event.type, event.data["stream"]])).toEqual([
      ...[
        ["output", "stdout"],
        ["output", "stdout"],
        ["output", "stdout"],
      ],
      ["output", "stderr"],
    ]);
    expect(ending.error?.details?.["output_tail"]).toContain("bad news");
    expect(ending.error?.message).toContain("exit code 1");
  });

  test("the tail is bounded", () => {
    const { ending } = read(
      [],
      FAILED,
      false,
      Array.from({ length: 1000 }, () => "x".repeat(100)),
    );
    expect(String(ending.error?.details?.["output_tail"]).length).toBeLessThanOrEqual(4000);
  });

  test("a stop explains a missing result", () => {
    expect(read([json(init)], { ...CLEAN, exitCode: 143 }, true).ending).toMatchObject({
      outcome: "stopped",
      error: null,
    });
  });

  test("work that was finished before the stop stays finished", () => {
    expect(read([json(init), json(result)], CLEAN, true).ending.outcome).toBe("completed");
  });

  test.each([
    ["Error: Session ID c1 is already in use.", "agent_failed"],
    ["No conversation found with session ID: c1", "agent_session_missing"],
    [
      "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
      "executor_config_invalid",
    ],
  ])("the complaint %j is known", (complaint, code) => {
    const { error } = read([], FAILED, false, [complaint]).ending;
    expect([error?.code, typeof error?.hint]).toEqual([code, "string"]);
  });
});
