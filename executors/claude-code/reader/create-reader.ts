/** Reads the CLI's stream-json lines. Key order is not stable and lines may be anything, so everything is parsed and nothing trusted. */
import type { AgentEvent, AgentSignal, OutputReader, Reading } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import { addToTail, createEvidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asFields, asText } from "./json-fields.ts";
import { judgeEnding } from "./judge-ending.ts";
import { readAssistant } from "./read-assistant.ts";
import { readRateLimit } from "./read-rate-limit.ts";
import { readResult } from "./read-result.ts";
import { readSystem } from "./read-system.ts";
import { readUser } from "./read-user.ts";

const NOTHING: Reading = { events: [], signals: [] };

export function createClaudeReader(): OutputReader {
  const evidence = createEvidence();
  return {
    stdoutLine(line) {
      const fields = parseLine(line);
      if (fields !== null) return readLine(fields, line, evidence);
      if (line.trim() === "") return NOTHING;
      evidence.stdoutTail = addToTail(evidence.stdoutTail, line);
      return rawOutput("stdout", line);
    },
    stderrLine(line) {
      evidence.stderrTail = addToTail(evidence.stderrTail, line);
      return rawOutput("stderr", line);
    },
    finish: (exit, { stopRequested }) => ({ events: [], ending: judgeEnding(evidence, exit, stopRequested) }),
  };
}

/** A line of the protocol is a JSON object with a type; everything else is output. */
function parseLine(line: string): Fields | null {
  try {
    const fields = asFields(JSON.parse(line));
    return asText(fields["type"]) === null ? null : fields;
  } catch {
    return null;
  }
}

function readLine(fields: Fields, line: string, evidence: Evidence): Reading {
  switch (fields["type"]) {
    case "system":
      return readSystem(fields, evidence);
    case "assistant":
      return withPromptTaken(readAssistant(fields, evidence), evidence);
    case "user":
      return fields["isReplay"] === true ? withPromptTaken(readUser(fields), evidence) : readUser(fields);
    case "result":
      return withPromptTaken(readResult(fields, evidence), evidence);
    case "rate_limit_event":
      return readRateLimit(fields, evidence);
    case "stream_event":
      return readPartial(fields);
    case "control_response":
    case "keep_alive":
      return NOTHING;
    default:
      return rawOutput("stdout", line);
  }
}

/**
 * The replayed line is the CLI's receipt for the prompt; it may come as late as the model's first words, so those count too. A result
 * without either is a command of the CLI itself, or the refusal to begin, which took nothing.
 */
function withPromptTaken(reading: Reading, evidence: Evidence): Reading {
  const refusedToBegin = evidence.result !== null && !evidence.bound;
  if (evidence.promptTaken || refusedToBegin) return reading;
  evidence.promptTaken = true;
  const taken: AgentSignal = { kind: "prompt_taken" };
  return { events: reading.events, signals: [taken, ...reading.signals] };
}

function readPartial(fields: Fields): Reading {
  const text = asText(asFields(asFields(fields["event"])["delta"])["text"]);
  if (text === null) return NOTHING;
  const event: AgentEvent = { type: "message_delta", data: { role: "assistant", text } };
  return { events: [event], signals: [] };
}

function rawOutput(stream: "stdout" | "stderr", text: string): Reading {
  return { events: [{ type: "output", data: { stream, text } }], signals: [] };
}
