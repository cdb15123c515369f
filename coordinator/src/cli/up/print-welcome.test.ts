import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { curlCommand, quote } from "./print-welcome.ts";

test.each(["/plain/path.key", "with space", "it's", "$(touch x)", "`id`", "a\nb", ""])(
  "%j comes out of a shell as it went in",
  (text) => {
    expect(execFileSync("sh", ["-c", `printf %s ${quote(text)}`], { encoding: "utf8" })).toBe(text);
  },
);

test("the printed curl sends a run as JSON when it is pasted", () => {
  const command = curlCommand("http://127.0.0.1:1", "/dev/null").replace(/^curl/, "printf '%s\\n'");
  const words = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim().split("\n");
  expect(JSON.parse(words.at(-1) ?? "")).toEqual({ type: "start_session", executor: "test", prompt: "hello" });
  expect(words).toContain("http://127.0.0.1:1/runs");
});
