import { expect, test } from "vitest";
import { expandText, expandValue } from "./expand-templates.ts";

const lookup = (name: string, key: string | undefined) =>
  name === "prompt" ? "$& ${turn}" : name === "child" && key === "a" ? "ses_a" : undefined;

test("values are put in as they are, also when they look like templates", () => {
  expect(expandText("<${prompt}> ${child:a}", lookup)).toBe("<$& ${turn}> ses_a");
});

test("what has no value is an error that names it", () => {
  expect(() => expandText("${child:b}", lookup)).toThrow("nothing is known as ${child:b}");
});

test("other people's placeholders stay", () => {
  expect(expandText("${AGENT_SESSION_ID} $x {}", lookup)).toBe("${AGENT_SESSION_ID} $x {}");
});

test("strings are filled at any depth and nothing else is touched", () => {
  expect(expandValue({ list: ["${child:a}", 1, null], "${child:a}": true }, lookup)).toEqual({
    list: ["ses_a", 1, null],
    "${child:a}": true,
  });
});
