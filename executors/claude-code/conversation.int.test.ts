import { scriptPrompt } from "@parallax/shared/testing/model-server/script";
import { describe, expect, test } from "vitest";
import { conversationIdOf, findConversationFile } from "./conversation-file.ts";
import { setUpBench } from "./testing/bench.ts";
import { atFirst, runClaude } from "./testing/run-claude.ts";

const boundTo = (executorSessionId: string) => ({ kind: "bound", executorSessionId });
const untilMessage = (text: string) => (event: { type: string; data: Readonly<Record<string, unknown>> }) =>
  event.type === "message" && event.data["text"] === text;

describe("a conversation with the real CLI", () => {
  test("starts under the id that is derived from the run, answers and ends by itself", async () => {
    const bench = await setUpBench();
    const usage = { input_tokens: 1000, output_tokens: 100, cache_read_input_tokens: 7 };
    const prompt = scriptPrompt({ steps: [[{ think: "hm" }, { say: "hello" }, { usage }]] }, "Greet.");
    const finished = await runClaude(bench.invocation({ prompt }), { record: "answer" });

    expect(finished.signals).toEqual([
      boundTo(conversationIdOf("run_1", "ses_1")),
      { kind: "prompt_taken" },
      { kind: "turn_ended" },
    ]);
    const types = finished.events.map((event) => event.type).filter((type) => type !== "status");
    expect(types).toEqual(["session_bound", "message", "thinking", "message", "usage", "result"]);
    expect(finished.ending).toMatchObject({ outcome: "completed", resultText: "hello", error: null });
    expect(finished.ending.usage).toMatchObject({ ...usage, cache_creation_input_tokens: 0 });
    expect(finished.ending.usage?.["cost_usd"]).toBeGreaterThan(0);
    expect(finished.exitCode).toBe(0);
    expect(new Set(bench.model.requests.map((request) => request.auth))).toEqual(new Set(["sk-ant-test-key"]));
  });

  test("goes on where it was when it is resumed, and bills each turn once", async () => {
    const bench = await setUpBench();
    const usage = { input_tokens: 1000, output_tokens: 100 };
    const prompt = scriptPrompt(
      { steps: [[{ say: "first" }, { usage }]], on_resume: [[[{ echo: "history" }, { usage }]]] },
      "One.",
    );
    const first = await runClaude(bench.invocation({ prompt }));
    const executorSessionId = conversationIdOf("run_1", "ses_1");
    const resumed = await runClaude(
      bench.invocation({ prompt: "Two.", runId: "run_2", mode: "resume", executorSessionId }),
      { record: "resumed" },
    );
    expect(resumed.ending.resultText).toBe("user: One.\nassistant: first\nuser: Two.");
    expect(resumed.signals[0]).toEqual(boundTo(executorSessionId));
    expect(resumed.ending.usage).toEqual(first.ending.usage);
  });

  test("keeps its system prompt out of argv, and a resume brings today's", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ echo: "system" }]], default_resume: [[{ echo: "system" }]] });
    const blueprint = { name: "b", systemPrompt: "NEEDLE-ONE", mcpServers: {} };
    const first = await runClaude(bench.invocation({ prompt, blueprint }));
    expect(first.ending.resultText).toContain("NEEDLE-ONE");
    expect(first.argv.join(" ")).not.toContain("NEEDLE");
    const resumed = await runClaude(
      bench.invocation({
        prompt: "Again.",
        mode: "resume",
        executorSessionId: conversationIdOf("run_1", "ses_1"),
        blueprint: { ...blueprint, systemPrompt: "NEEDLE-TWO" },
        executorConfig: { append_system_prompt: "NEEDLE-THREE" },
      }),
    );
    expect(resumed.ending.resultText).toMatch(/NEEDLE-TWO\s+NEEDLE-THREE/);
    expect(resumed.ending.resultText).not.toContain("NEEDLE-ONE");
  });

  test("is continued by a second attempt of a killed first one", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ say: "partial" }, { hang: true }]] }, "One.");
    const invocation = bench.invocation({ prompt });
    const killed = await runClaude(invocation, {
      onReading: atFirst(untilMessage("partial"), async (live) => {
        while ((await findConversationFile(conversationIdOf("run_1", "ses_1"), invocation.env)) === null);
        live.kill("SIGKILL");
      }),
    });
    expect(killed.ending).toMatchObject({ outcome: "agent_error", error: { code: "agent_ended_without_result" } });
    const again = scriptPrompt({ steps: [[{ echo: "history" }]] }, "One, again.");
    const second = await runClaude(bench.invocation({ prompt: again, attempt: 2 }));
    expect(second.ending.resultText).toMatch(/^user: One\.\n(.*\n)*user: One, again\.$/);
  });

  test("begins again under the same id when the first attempt was killed before anything was written", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({ steps: [[{ say: "hello" }]] });
    const killed = await runClaude(bench.invocation({ prompt }), {
      onReading: atFirst(
        (event) => event.type === "session_bound",
        (live) => live.kill("SIGKILL"),
      ),
    });
    expect(killed.signals).toEqual([boundTo(conversationIdOf("run_1", "ses_1"))]);
    const executorSessionId = conversationIdOf("run_1", "ses_1");
    const second = await runClaude(bench.invocation({ prompt, attempt: 2, executorSessionId }));
    expect(second.ending).toMatchObject({ outcome: "completed", resultText: "hello" });
  });

  test("that is not here ends the run with its own code and takes nothing", async () => {
    const bench = await setUpBench();
    const missing = conversationIdOf("run_elsewhere", "ses_1");
    const finished = await runClaude(
      bench.invocation({ prompt: "Go on.", mode: "resume", executorSessionId: missing }),
      {
        record: "missing-conversation",
      },
    );
    expect(finished.ending).toMatchObject({
      outcome: "agent_error",
      error: { code: "agent_session_missing", hint: expect.stringContaining("host") },
    });
    expect(finished.signals.map((signal) => signal.kind)).not.toContain("prompt_taken");
    expect(bench.model.requests).toEqual([]);
  });
});
