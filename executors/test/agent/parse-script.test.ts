import { describe, expect, test } from "vitest";
import { parseScript, stepsOfTurn } from "./parse-script.ts";

describe("a prompt", () => {
  test.each(["hello", "", "{not json", '{"name": "no script"}', "[1]", "null"])(
    "that is no script is text: %s",
    (prompt) => {
      expect(parseScript(prompt)).toBeNull();
    },
  );

  test("that is a script is read with its nested steps", () => {
    const script = { steps: [{ repeat: { times: 2, steps: [{ say: "x" }] } }], default_resume: [{ wait_ms: 1 }] };
    expect(parseScript(JSON.stringify(script))).toEqual(script);
  });

  test.each([
    [{ steps: [{ shout: "x" }] }, "steps step 1 has the unknown verb shout"],
    [{ steps: [{ toString: "x" }] }, "steps step 1 has the unknown verb toString"],
    [{ steps: [{ say: "x", wait_ms: 1 }] }, "steps step 1 needs exactly one verb"],
    [{ steps: [{}] }, "steps step 1 needs exactly one verb"],
    [{ steps: [{ say: "a" }, { wait_ms: "5" }] }, "steps step 2 wait_ms needs a number of 0 or more"],
    [{ steps: [{ append: { file: "/x" } }] }, "steps step 1 append line needs a string"],
    [{ steps: [{ start: { prompt: "x", mode: "later" } }] }, "start mode is one of sync, async_poll, async_callback"],
    [{ steps: [{ start: { prompt: "x", colour: "red" } }] }, "start has the unknown field colour"],
    [{ steps: [{ repeat: { times: 1, steps: [{ hang: 1 }] } }] }, "repeat steps step 1 hang needs true"],
    [{ on_resume: [[{ say: 1 }]] }, "on_resume [0]: step 1 say needs a string"],
    [{ steps: [], extra: 1 }, "has the unknown field extra"],
  ])("with a mistake is refused before anything is done: %j", (script, complaint) => {
    expect(() => parseScript(JSON.stringify(script))).toThrow(complaint);
  });
});

test("a turn takes its own steps, then the default ones, and has none without them", () => {
  const script = { steps: [{ say: "0" }], on_resume: [[{ say: "1" }]], default_resume: [{ say: "n" }] };
  expect([0, 1, 2, 9].map((turn) => stepsOfTurn(script, turn))).toEqual([
    [{ say: "0" }],
    [{ say: "1" }],
    [{ say: "n" }],
    [{ say: "n" }],
  ]);
  expect(stepsOfTurn({ steps: [] }, 1)).toBeNull();
  expect(stepsOfTurn(null, 0)).toBeNull();
});
