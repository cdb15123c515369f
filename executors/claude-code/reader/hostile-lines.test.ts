import { readdirSync, readFileSync } from "node:fs";
import { EVENT_TYPES } from "@parallax/shared/protocol/events";
import { expect, test } from "vitest";
import { createClaudeReader } from "./create-reader.ts";

const FOLDER = new URL("../transcripts/", import.meta.url);
const LINES = readdirSync(FOLDER).flatMap((name) => readFileSync(new URL(name, FOLDER), "utf8").trimEnd().split("\n"));
const ROUNDS = 300;

/** A repeatable source of numbers below `limit` (mulberry32), so that a failure can be seen again. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  Number.MAX_SAFE_INTEGER,
  "",
  "x",
  [],
  {},
  [null],
  [[]],
  { type: 1 },
  "\u0000\ud800",
  1e308,
];

function pick<T>(values: readonly T[], next: (limit: number) => number): T {
  const value = values[next(values.length)];
  if (value === undefined) throw new Error("nothing to pick from");
  return value;
}

/** Replaces values here and there by something of another kind. */
function distort(value: unknown, next: (limit: number) => number): unknown {
  if (next(8) === 0) return pick(ODD_VALUES, next);
  if (Array.isArray(value)) return value.map((item) => distort(item, next));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, distort(inner, next)]));
}

function hostileLine(next: (limit: number) => number): string {
  const line = pick(LINES, next);
  const at = next(line.length + 1);
  switch (next(5)) {
    case 0:
      return line.slice(0, at);
    case 1:
      return line.slice(at);
    case 2:
      return line.slice(0, at) + String.fromCharCode(next(65_536)) + line.slice(at);
    case 3:
      return "[".repeat(next(20_000));
    default:
      return JSON.stringify({
        ...(distort(JSON.parse(line), next) as object),
        type: (JSON.parse(line) as { type: string }).type,
      });
  }
}

test("no line makes the reader throw, lose its shape or end twice differently", () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = numbers(round);
    const reader = createClaudeReader();
    for (let count = next(30); count >= 0; count -= 1) {
      const line = hostileLine(next);
      const { events, signals } = next(6) === 0 ? reader.stderrLine(line) : reader.stdoutLine(line);
      for (const event of events) expect(EVENT_TYPES).toContain(event.type);
      for (const signal of signals) {
        if (signal.kind === "bound") expect(signal.executorSessionId).not.toBe("");
      }
      JSON.stringify({ events, signals });
    }
    const exit = { exitCode: next(2) === 0 ? null : next(256), signal: null, durationMs: 1 };
    const { ending } = reader.finish(exit, { stopRequested: next(2) === 0 });
    expect(typeof ending.outcome).toBe("string");
    expect(ending.resultText === null || typeof ending.resultText === "string").toBe(true);
    JSON.stringify(ending);
  }
});

test("a tool's input of any depth leaves an event that can be written", () => {
  const input = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const line = `{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"n","input":${input}}]}}`;
  const [event] = createClaudeReader().stdoutLine(line).events;
  expect(JSON.stringify(event)).toContain("nested too deeply");
});

test("arrays, numbers, strings and deep nests are output", () => {
  const reader = createClaudeReader();
  for (const line of ["[]", "1", '"x"', "null", "{}", '{"type":1}', "[".repeat(1_000_000)]) {
    expect(reader.stdoutLine(line).events).toEqual([{ type: "output", data: { stream: "stdout", text: line } }]);
  }
  expect(reader.stdoutLine("  ").events).toEqual([]);
});
