import { scriptPrompt } from "@parallax/shared/testing/model-server/script";
import { describe, expect, test } from "vitest";
import { adapter } from "./index.ts";
import { setUpBench } from "./testing/bench.ts";
import { atFirst, runClaude } from "./testing/run-claude.ts";

const isPartial = (event: { type: string; data: Readonly<Record<string, unknown>> }) =>
  event.type === "message" && event.data["text"] === "partial";

describe("endings of the real CLI", () => {
  test.each([
    [529, "agent_error", "overloaded_error", /retry the run/],
    [401, "agent_error", "authentication_error", /ANTHROPIC_API_KEY/],
    [429, "usage_limited", "rate_limit_error", /later/],
  ] as const)("an API answer of %i is %s and names the status", async (status, outcome, type, hint) => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ error: { status } }]] });
    const finished = await runClaude(bench.invocation({ prompt, executorConfig: { max_retries: 0 } }), {
      record: `api-error-${status}`,
    });
    expect(finished.ending).toMatchObject({ outcome, resultText: null });
    expect(finished.ending.error).toMatchObject({ code: "agent_api_error", details: { status, type } });
    expect(finished.ending.error?.message).toContain(String(status));
    expect(finished.ending.error?.hint).toMatch(hint);
    expect(finished.events.filter((event) => event.type === "error").length).toBe(1);
  });

  test("retries are told while they happen", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ error: { status: 529, first_n: 1 } }, { say: "at last" }]] });
    const finished = await runClaude(bench.invocation({ prompt }), { record: "api-retry" });
    expect(finished.events).toContainEqual({
      type: "status",
      data: expect.objectContaining({ status: "api_retry", attempt: 1, api_status: 529 }),
    });
    expect(finished.ending).toMatchObject({ outcome: "completed", resultText: "at last" });
  });

  test("a stream that breaks off is an API error", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ say: "partial" }, { drop: true }]] });
    const finished = await runClaude(bench.invocation({ prompt, executorConfig: { max_retries: 0 } }), {
      record: "dropped",
    });
    expect(finished.ending).toMatchObject({ outcome: "agent_error", error: { code: "agent_api_error" } });
  });

  test("a refusal is its own outcome", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ say: "I cannot" }, { refuse: true }]] });
    const finished = await runClaude(bench.invocation({ prompt }), { record: "refused" });
    expect(finished.ending).toMatchObject({ outcome: "refused", error: { code: "agent_refused" } });
  });

  test("reaching max_turns is a failure that names the setting", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ tool: "Bash", input: { command: "echo hi" } }], [{ say: "never" }]] });
    const finished = await runClaude(bench.invocation({ prompt, executorConfig: { max_turns: 1 } }), {
      record: "max-turns",
    });
    expect(finished.ending).toMatchObject({ outcome: "agent_error", error: { code: "agent_failed" } });
    expect(finished.ending.error?.hint).toContain("executor_config.max_turns");
  });

  test("reaching max_budget_usd is budget_exceeded, and its usage is known", async () => {
    const bench = await setUpBench();
    const usage = { input_tokens: 100_000 };
    const prompt = scriptPrompt({
      steps: [[{ tool: "Bash", input: { command: "echo hi" } }, { usage }], [{ say: "never" }]],
    });
    const invocation = bench.invocation({ prompt, executorConfig: { max_budget_usd: 0.01 } });
    const finished = await runClaude(invocation, { record: "max-budget" });
    expect(finished.ending).toMatchObject({ outcome: "budget_exceeded", usage });
    expect(finished.ending.error?.hint).toContain("executor_config.max_budget_usd");
  });

  test.each([
    [false, "interrupted"],
    [true, "stopped"],
  ] as const)("an interrupt over the pipe (stop requested: %s) ends the turn as %s", async (stopRequested, outcome) => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({
      steps: [[{ say: "partial" }, { hang: true }]],
      default_resume: [[{ echo: "history" }]],
    });
    const invocation = bench.invocation({ prompt });
    const finished = await runClaude(invocation, {
      stopRequested,
      record: "interrupted",
      onReading: atFirst(isPartial, (live) => live.write(adapter.interrupt(invocation) ?? "")),
    });
    expect(finished.ending).toMatchObject({ outcome, error: null });
    expect(finished.signals.at(-1)).toEqual({ kind: "turn_ended" });
    const hung = await bench.model.waitForRequest((request) => request.done, { timeoutMs: 5000 });
    expect(hung.clientAborted).toBe(true);
  });

  test("an interrupted conversation goes on", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({
      steps: [[{ say: "partial" }, { hang: true }]],
      default_resume: [[{ echo: "history" }]],
    });
    const invocation = bench.invocation({ prompt });
    const { signals } = await runClaude(invocation, {
      onReading: atFirst(isPartial, (live) => live.write(adapter.interrupt(invocation) ?? "")),
    });
    const [bound] = signals;
    if (bound?.kind !== "bound") throw new Error("the conversation was not bound");
    const { executorSessionId } = bound;
    const resumed = await runClaude(
      bench.invocation({ prompt: "Go on.", runId: "run_2", mode: "resume", executorSessionId }),
    );
    expect(resumed.ending.resultText).toMatch(/assistant: partial\n(.*\n)*user: Go on\.$/);
  });

  test("an interrupt reaches a command that runs", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ tool: "Bash", input: { command: "tail -f /dev/null" } }]] });
    const invocation = bench.invocation({ prompt, executorConfig: { allowed_tools: ["Bash"] } });
    const finished = await runClaude(invocation, {
      record: "interrupted-tool",
      onReading: atFirst(
        (event) => event.type === "tool_call",
        (live) => live.write(adapter.interrupt(invocation) ?? ""),
      ),
    });
    expect(finished.ending.outcome).toBe("interrupted");
  });

  test("TERM leaves no result, and that is said with the signal or code", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ say: "partial" }, { hang: true }]] });
    const finished = await runClaude(bench.invocation({ prompt }), {
      record: "terminated",
      onReading: atFirst(isPartial, (live) => live.kill("SIGTERM")),
    });
    expect(finished.ending).toMatchObject({
      outcome: "agent_error",
      usage: null,
      error: { code: "agent_ended_without_result", details: { exit_code: 143 } },
    });
  });

  test.runIf(process.getuid?.() === 0)("bypassing permissions as root works in a declared sandbox only", async () => {
    const bench = await setUpBench();
    const executorConfig = { permission_mode: "bypassPermissions" };
    const prompt = scriptPrompt({
      steps: [[{ tool: "Bash", input: { command: "echo free" } }], [{ echo: "tool_results" }]],
    });
    const invocation = bench.invocation({ prompt, executorConfig });
    await expect(runClaude(invocation)).rejects.toMatchObject({ code: "executor_config_invalid" });
    const allowed = await runClaude({ ...invocation, env: { ...invocation.env, IS_SANDBOX: "1" } });
    expect(allowed.ending).toMatchObject({ outcome: "completed", resultText: "free" });
  });
});
