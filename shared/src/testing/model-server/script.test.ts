import { describe, expect, test } from "vitest";
import { findScriptBlock, readScript, scriptPrompt, withoutScript } from "./script.ts";

describe("a script in a prompt", () => {
  test("is found between other words and taken out of them", () => {
    const prompt = scriptPrompt({ steps: [[{ say: "hello" }]] }, "Please greet.");
    expect(readScript(prompt)?.steps).toEqual([[{ say: "hello" }]]);
    expect(withoutScript(`${prompt}\nThank you.`)).toBe("Please greet.\n\nThank you.");
  });

  test("may stand on one line", () => {
    expect(readScript('```script {"steps":[]} ```')?.steps).toEqual([]);
  });

  test("may carry the script of a child in a string, fences and braces included", () => {
    const child = scriptPrompt({ steps: [[{ say: 'a "}" and ```' }]] }, "Child:");
    const prompt = scriptPrompt({ steps: [[{ tool: "mcp__parallax__start", input: { prompt: child } }]] });
    const item = readScript(prompt)?.steps[0]?.[0];
    if (item === undefined || !("tool" in item)) throw new Error("the tool call is missing");
    expect(readScript(String(item.input["prompt"]))?.steps).toEqual([[{ say: 'a "}" and ```' }]]);
    expect(findScriptBlock(prompt)?.end).toBe(prompt.length);
  });

  test("is absent from a text that only speaks of one", () => {
    expect(readScript("Write a ```scripted block``` for me")).toBeNull();
  });

  test("is refused with the fault's place when it is broken", () => {
    expect(() => readScript('```script {"steps":[[{"shout":"x"}]]}```')).toThrow(/steps/);
    expect(() => readScript('```script {"steps":[')).toThrow();
  });
});
