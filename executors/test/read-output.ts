/** Reads the agent's lines; everything else on stdout and stderr is raw output. */

import type { ErrorCode } from "@parallax/shared/errors";
import { assertNever } from "@parallax/shared/errors";
import type {
  AgentEvent,
  AgentSignal,
  Ending,
  OutputReader,
  ProcessExit,
  Reading,
} from "@parallax/shared/executor/adapter";
import type { AgentErrorReason, AgentLine } from "./wire.ts";
import { LINE_MARK } from "./wire.ts";

type ResultLine = Extract<AgentLine, { type: "result" }>;
type ErrorLine = Extract<AgentLine, { type: "error" }>;

const CODE_OF_REASON: Readonly<Record<AgentErrorReason, ErrorCode>> = {
  failed: "agent_failed",
  conversation_missing: "agent_session_missing",
  conversation_in_use: "agent_failed",
  bad_task: "executor_failed",
};

const HINT_OF_REASON: Readonly<Partial<Record<AgentErrorReason, string>>> = {
  conversation_missing: "The conversation's file is on the machine and in the home where the session ran last.",
  conversation_in_use: "An earlier process of this session is still alive; end it first.",
};

const USAGE_NOTHING: Ending["usage"] = null;

export function createTestReader(): OutputReader {
  let result: ResultLine | null = null;
  let failure: ErrorLine | null = null;

  return {
    stdoutLine(line) {
      const read = parseLine(line);
      if (read === null) return only("output", { stream: "stdout", text: line });
      if (read.type === "result") result = read;
      if (read.type === "error") failure = read;
      if (read.type === "hard_to_read") spin(read.duration_ms);
      return { events: [eventOf(read)].filter((event) => event !== null), signals: signalsOf(read) };
    },
    stderrLine: (line) => only("output", { stream: "stderr", text: line }),
    finish(exit, { stopRequested }) {
      return { events: [], ending: judgeEnd({ result, failure, exit, stopRequested }) };
    },
  };
}

function spin(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
}

function only(type: AgentEvent["type"], data: AgentEvent["data"]): Reading {
  return { events: [{ type, data }], signals: [] };
}

function parseLine(line: string): AgentLine | null {
  if (!line.startsWith(`{"from":"${LINE_MARK}"`)) return null;
  try {
    const value = JSON.parse(line) as AgentLine;
    return Object.hasOwn(EVENTS, value.type) ? value : null;
  } catch {
    return null;
  }
}

const EVENTS: Readonly<Record<AgentLine["type"], AgentEvent["type"] | null>> = {
  conversation: "session_bound",
  prompt_taken: null,
  message: "message",
  steered: "message",
  tool_call: "tool_call",
  tool_result: "tool_result",
  usage: "usage",
  status: "status",
  hard_to_read: null,
  error: "error",
  result: "result",
};

function eventOf(line: AgentLine): AgentEvent | null {
  const type = EVENTS[line.type];
  return type === null ? null : { type, data: dataOf(line) };
}

function dataOf(line: AgentLine): Readonly<Record<string, unknown>> {
  switch (line.type) {
    case "conversation":
      return { executor_session_id: line.conversation_id, turn: line.turn };
    case "prompt_taken":
    case "hard_to_read":
      return {};
    case "message":
      return { role: "assistant", text: line.text };
    case "steered":
      return { role: "user", text: line.text };
    case "tool_call":
      return { id: line.id, name: line.name, input: line.input };
    case "tool_result":
      return { id: line.id, name: line.name, text: line.text, is_error: line.is_error, denied: line.denied };
    case "usage":
      return line.usage;
    case "status":
      return { text: line.text, ...line.facts };
    case "error":
      return { code: CODE_OF_REASON[line.reason], message: line.message };
    case "result":
      return { outcome: line.outcome, text: line.text, data: line.data };
    default:
      return assertNever(line, "line of the test agent");
  }
}

function signalsOf(line: AgentLine): AgentSignal[] {
  if (line.type === "conversation") return [{ kind: "bound", executorSessionId: line.conversation_id }];
  if (line.type === "prompt_taken") return [{ kind: "prompt_taken" }];
  if (line.type === "result") return [{ kind: "turn_ended" }];
  return [];
}

interface Evidence {
  readonly result: ResultLine | null;
  readonly failure: ErrorLine | null;
  readonly exit: ProcessExit;
  readonly stopRequested: boolean;
}

/** What the agent said counts before how its process ended: an agent that hangs after its result is killed and has completed. */
function judgeEnd({ result, failure, exit, stopRequested }: Evidence): Ending {
  if (result !== null) return endOfResult(result, stopRequested);
  const nothing = { resultText: null, resultData: null, usage: USAGE_NOTHING };
  if (failure !== null) {
    const code = CODE_OF_REASON[failure.reason];
    const hint = HINT_OF_REASON[failure.reason];
    const error = { code, message: failure.message, ...(hint === undefined ? {} : { hint }) };
    return { ...nothing, outcome: failure.reason === "bad_task" ? "executor_error" : "agent_error", error };
  }
  if (stopRequested) return { ...nothing, outcome: "stopped", error: null };
  const details = { exit_code: exit.exitCode, signal: exit.signal };
  if (exit.exitCode === 0) {
    const message = "the agent ended without a result";
    return { ...nothing, outcome: "agent_error", error: { code: "agent_ended_without_result", message, details } };
  }
  const how = exit.signal === null ? `with exit code ${exit.exitCode}` : `by ${exit.signal}`;
  return {
    ...nothing,
    outcome: "agent_error",
    error: { code: "agent_failed", message: `the agent ended ${how}`, details },
  };
}

function endOfResult(result: ResultLine, stopRequested: boolean): Ending {
  const base = { resultText: result.text, resultData: result.data, usage: result.usage };
  switch (result.outcome) {
    case "completed":
      return { ...base, outcome: "completed", error: null };
    case "completed_with_denials":
      return { ...base, outcome: "completed_with_denials", error: null };
    case "interrupted":
      return { ...base, outcome: stopRequested ? "stopped" : "interrupted", error: null };
    case "refused":
      return {
        ...base,
        outcome: "refused",
        error: { code: "agent_refused", message: result.text ?? "the agent refused" },
      };
    default:
      return assertNever(result.outcome, "outcome of the test agent");
  }
}
