import { describe, expect, test } from "vitest";
import { cutTo, stripControls, toOneLine, toSafeJson } from "./strip-controls.ts";

const ESC = "\u001b";

describe("what an outsider wrote", () => {
  test.each([
    ["colours", `${ESC}[31mred${ESC}[0m`, "red"],
    ["the window's title", `${ESC}]0;owned\u0007text`, "text"],
    ["links", `${ESC}]8;;http://x${ESC}\\here${ESC}]8;;${ESC}\\`, "here"],
    ["the one-byte form of a sequence", "\u009b2Jtext", "text"],
    ["cursor movement and bells", "a\rb\bc\u0007", "abc"],
    ["a lone escape", `a${ESC}`, "a"],
    ["hidden direction changes", "user\u202egnp.exe\u2069", "usergnp.exe"],
  ])("loses %s", (_what, text, expected) => {
    expect(stripControls(text)).toBe(expected);
  });

  test("keeps its lines, tabs and letters of any script", () => {
    expect(stripControls("a\r\n\tß 漢字 🎉")).toBe("a\n\tß 漢字 🎉");
  });

  test("is one line in a cell", () => {
    expect(toOneLine(" a\n\n b\t")).toBe("a b");
  });

  test("cannot reach the terminal through JSON either, and stays the same value", () => {
    const value = { text: `${ESC}[0m\u009b2J\u202e` };
    const text = toSafeJson(value);
    expect(text).not.toMatch(/[^\u0020-\u007e]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});

test("a cut never halves a character", () => {
  expect(cutTo("🎉🎉🎉", 2)).toBe("🎉…");
  expect(cutTo("abc", 3)).toBe("abc");
});
