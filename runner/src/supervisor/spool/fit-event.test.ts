import { describe, expect, test } from "vitest";
import { fitEvent } from "./fit-event.ts";

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe("fitEvent", () => {
  test("leaves an ordinary event as it is", () => {
    const event = {
      type: "tool_call",
      data: { name: "Bash", input: { command: "ls", flags: ["-l", null, 1.5, true] } },
    } as const;
    expect(fitEvent(event, 10_000)).toEqual([event]);
  });

  test("replaces what a database cannot store", () => {
    const [event] = fitEvent({ type: "message", data: { text: "a\u0000b\ud800c", "k\u0000": 1 } }, 10_000);
    expect(event?.data).toEqual({ text: "a\ufffdb\ufffdc", "k\ufffd": 1 });
  });

  test("writes the same bytes after being read, also for names that look like numbers or prototypes", () => {
    const data = JSON.parse('{"b":1,"10":2,"9":{"__proto__":{"x":1}},"constructor":3}');
    const [event] = fitEvent({ type: "status", data }, 10_000);
    const text = JSON.stringify(event?.data);
    expect(JSON.stringify(JSON.parse(text))).toBe(text);
    expect(text).not.toContain('"__proto__"');
  });

  test("turns values beyond the depth that is taken into text", () => {
    let deep: unknown = "bottom";
    for (let level = 0; level < 100; level += 1) deep = { deep };
    const [event] = fitEvent({ type: "tool_result", data: { deep } }, 10_000);
    let levels = 0;
    for (let at: unknown = event?.data; typeof at === "object" && at !== null; at = (at as { deep: unknown }).deep)
      levels += 1;
    expect(levels).toBeLessThan(64);
    expect(JSON.stringify(event)).toContain("bottom");
  });

  test.each([
    ["plain", "x".repeat(5_000)],
    ["of wide characters", "\u{1F600}é".repeat(2_000)],
    ["of characters that need escapes", '"\\\n\u0001'.repeat(1_500)],
  ])("continues raw output that is too long in further events: %s", (_name, text) => {
    const events = fitEvent({ type: "output", data: { stream: "stdout", text } }, 1_000);
    expect(events.length).toBeGreaterThan(1);
    expect(events.map(({ data }) => data["text"]).join("")).toBe(text);
    for (const { data } of events) {
      expect(bytesOf(data)).toBeLessThanOrEqual(1_000);
      expect(data["stream"]).toBe("stdout");
      expect(String(data["text"]).isWellFormed()).toBe(true);
    }
  });

  test("cuts the texts of anything else that is too long, and says so", () => {
    const data = { name: "Read", input: { path: "/short" }, result: ["y".repeat(9_000), "z".repeat(9_000)] };
    const [event, ...more] = fitEvent({ type: "tool_result", data }, 2_000);
    expect(more).toEqual([]);
    expect(bytesOf(event?.data)).toBeLessThanOrEqual(2_000);
    expect(event?.data).toMatchObject({
      name: "Read",
      input: { path: "/short" },
      truncated: true,
      original_bytes: bytesOf(data),
    });
  });

  test("keeps only the fact of an event that cannot be made smaller", () => {
    const data = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key${index}`, index]));
    const [event] = fitEvent({ type: "usage", data }, 1_000);
    expect(event?.data).toEqual({ truncated: true, original_bytes: bytesOf(data) });
  });
});
