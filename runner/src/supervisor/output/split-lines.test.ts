import { describe, expect, test } from "vitest";
import { createLineSplitter } from "./split-lines.ts";

/** All lines of `text`, given in chunks of `size` bytes. */
function split(text: string, size: number, bytesMax = 1_000): { text: string; whole: boolean }[] {
  const bytes = Buffer.from(text);
  const splitter = createLineSplitter(bytesMax);
  const lines = [];
  for (let start = 0; start < bytes.length; start += size)
    lines.push(...splitter.push(bytes.subarray(start, start + size)));
  return [...lines, ...splitter.end()];
}

describe("createLineSplitter", () => {
  const text = "first\n\nzweite Zeile: größer\r\n第三\u{1F600}\nlast without newline";
  const lines = ["first", "", "zweite Zeile: größer", "第三\u{1F600}", "last without newline"].map((line) => ({
    text: line,
    whole: true,
  }));

  test.each([1, 2, 3, 5, 7, 1000])("gives the same lines whatever the chunks are (%i bytes)", (size) => {
    expect(split(text, size)).toEqual(lines);
  });

  test.each([1, 4, 9, 1000])(
    "gives a line beyond the bound in pieces, none of which is whole, and goes on after it (%i bytes)",
    (size) => {
      const result = split(`${"x".repeat(25)}\nshort\n`, size, 10);
      expect(result.at(-1)).toEqual({ text: "short", whole: true });
      const pieces = result.slice(0, -1);
      expect(pieces.map((piece) => piece.text).join("")).toBe("x".repeat(25));
      expect(pieces.every(({ whole }) => !whole)).toBe(true);
      expect(pieces.every((piece) => piece.text.length <= 10)).toBe(true);
    },
  );

  test.each([1, 3, 1000])("does not cut a character at the bound (%i bytes)", (size) => {
    const long = "é€\u{1F600}".repeat(20);
    expect(
      split(`${long}\n`, size, 10)
        .map((piece) => piece.text)
        .join(""),
    ).toBe(long);
  });

  test("makes something of bytes that are no text", () => {
    const splitter = createLineSplitter(10);
    const pieces = [
      ...splitter.push(Buffer.alloc(35, 0xff)),
      ...splitter.push(Buffer.from("\nok\n")),
      ...splitter.end(),
    ];
    expect(pieces.at(-1)).toEqual({ text: "ok", whole: true });
  });

  test("says nothing at the end of a stream that ended with a newline", () => {
    expect(createLineSplitter(10).end()).toEqual([]);
  });
});
