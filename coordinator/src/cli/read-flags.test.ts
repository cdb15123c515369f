import { describe, expect, test } from "vitest";
import { UsageError } from "./exit-codes.ts";
import type { Option } from "./read-flags.ts";
import { readFlags } from "./read-flags.ts";

const options: readonly Option[] = [
  { name: "port", value: "N", help: "" },
  { name: "no-runner", help: "" },
  { name: "label", short: "l", value: "A=B", isList: true, help: "" },
  { name: "project-dir", value: "DIR", env: "PROJECT_DIR", help: "" },
];

describe("a flag", () => {
  test("wins over its environment variable", () => {
    const flags = readFlags(options, ["--port", "1", "x"], { PARALLAX_PORT: "2", PROJECT_DIR: "/p" });
    expect(flags.number("port", { min: 0, max: 9 })).toBe(1);
    expect(flags.text("project-dir")).toBe("/p");
    expect(flags.operands).toEqual(["x"]);
    expect([flags.isGiven("port"), flags.isGiven("project-dir")]).toEqual([true, false]);
  });

  test("that is a list may be repeated, or separated by commas in the environment", () => {
    expect(readFlags(options, ["-l", "a=1,2", "--label", "b=2"], {}).list("label")).toEqual(["a=1,2", "b=2"]);
    expect(readFlags(options, [], { PARALLAX_LABEL: "a=1, b=2," }).list("label")).toEqual(["a=1", "b=2"]);
  });

  test.each([
    ["1", true],
    ["yes", true],
    ["0", false],
    ["", false],
  ])("that is a switch reads %j from the environment as %s", (value, expected) => {
    expect(readFlags(options, [], { PARALLAX_NO_RUNNER: value }).isOn("no-runner")).toBe(expected);
  });
});

test.each([["--nothing"], ["--port"], ["--no-runner=1"]])("%s is refused with a usage error", (arg) => {
  expect(() => readFlags(options, [arg], {})).toThrow(UsageError);
});

test.each(["x", "-1", "1.5", "70000", " 1", "0x10"])("the number %j is refused with its range", (value) => {
  const flags = readFlags(options, [`--port=${value}`], {});
  expect(() => flags.number("port", { min: 0, max: 65_535 })).toThrow("--port needs a whole number from 0 to 65535");
});

test("a switch with another word in the environment is refused", () => {
  expect(() => readFlags(options, [], { PARALLAX_NO_RUNNER: "maybe" }).isOn("no-runner")).toThrow("PARALLAX_NO_RUNNER");
});
