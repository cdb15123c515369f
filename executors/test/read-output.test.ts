import { describe, expect, test } from "vitest";
import { createTestReader } from "./read-output.ts";

const line = (value: object) => JSON.stringify({ from: "parallax-test-agent", ...value });
const exited = (exitCode: number | null, signal: string | null = null) => ({ exitCode, signal, durationMs: 1 });
const running = { stopRequested: false };
const stopping = { stopRequested: true };
const result = { type: "result", outcome: "completed", text: "done", data: { a: 1 }, usage: null, denied: [] };

describe("a line", () => {
  test.each(["", "hello", '{"type":"result"}', '{"from":"parallax-test-agent"', line({ type: "toString" }), line({})])(
    "that is not ours is raw output: %s",
    (text) => {
      expect(createTestReader().stdoutLine(text)).toEqual({
        events: [{ type: "output", data: { stream: "stdout", text } }],
        signals: [],
      });
    },
  );

  test("of stderr is raw output even when it looks like ours", () => {
    const reader = createTestReader();
    expect(reader.stderrLine(line(result)).events[0]?.type).toBe("output");
    expect(reader.finish(exited(0), running).ending.outcome).toBe("agent_error");
  });

  test("that names the conversation binds it", () => {
    expect(
      createTestReader().stdoutLine(line({ type: "conversation", conversation_id: "tst_1", turn: 0 })).signals,
    ).toEqual([{ kind: "bound", executorSessionId: "tst_1" }]);
  });
});

describe("the end", () => {
  test("is the agent's result, also when its process had to be killed afterwards", () => {
    const reader = createTestReader();
    expect(reader.stdoutLine(line(result)).signals).toEqual([{ kind: "turn_ended" }]);
    const { ending } = reader.finish(exited(null, "SIGKILL"), running);
    expect(ending).toMatchObject({ outcome: "completed", resultText: "done", resultData: { a: 1 }, error: null });
  });

  test("without a result is a failure that says how the process ended", () => {
    expect(createTestReader().finish(exited(0), running).ending.error?.code).toBe("agent_ended_without_result");
    expect(createTestReader().finish(exited(7), running).ending.error).toMatchObject({
      code: "agent_failed",
      message: "the agent ended with exit code 7",
    });
    expect(createTestReader().finish(exited(null, "SIGTERM"), running).ending.error?.message).toContain("SIGTERM");
  });

  test("of a killed agent is a stop only if one was asked for", () => {
    expect(createTestReader().finish(exited(null, "SIGTERM"), stopping).ending.outcome).toBe("stopped");
    expect(createTestReader().finish(exited(null, "SIGTERM"), running).ending.outcome).toBe("agent_error");
  });

  test("of an interrupted turn keeps the session, unless a stop was asked for", () => {
    const interrupted = line({ ...result, outcome: "interrupted" });
    const [first, second] = [createTestReader(), createTestReader()];
    first.stdoutLine(interrupted);
    second.stdoutLine(interrupted);
    expect(first.finish(exited(130), running).ending.outcome).toBe("interrupted");
    expect(second.finish(exited(130), stopping).ending.outcome).toBe("stopped");
  });
});
