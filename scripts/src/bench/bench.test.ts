import { describe, expect, it } from "vitest";
import { parseArguments } from "./arguments.ts";
import { median } from "./median.ts";
import { compareTimes, parseTimes } from "./noise.ts";
import { formatMeasurement, formatNoise, judge } from "./report.ts";
import { cleanEnvironment } from "./workshop.ts";

describe("the median", () => {
  it.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("of %j is %d", (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it("of nothing is an error, not a pass", () => {
    expect(() => judge("cell", { name: "x", valuesMs: [], targetMsMax: 1 })).toThrow("nothing was measured");
  });
});

describe("a verdict", () => {
  const measured = { name: "up to healthy", valuesMs: [900, 1_000, 9_000], targetMsMax: 1_000 };

  it("is taken over the median and shows the spread", () => {
    const line = formatMeasurement(judge("start", measured));
    expect(line).toMatch(/^PASS {2}start .*1\.00 s {2}\(target 1\.00 s; 3 rounds, 0\.90–9\.00 s\)$/);
  });

  it("fails one millisecond above the target", () => {
    expect(formatMeasurement(judge("start", { ...measured, valuesMs: [1_001] }))).toMatch(/^FAIL/);
  });
});

describe("noise", () => {
  it("is what was neither idle nor waited for, of all cores", () => {
    const before = parseTimes("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    const after = parseTimes("cpu  140 0 60 930 60 0 0 10 40 0\n");
    if (before === null || after === null) throw new Error("not parsed");
    const shares = compareTimes(before, after);
    expect(shares?.busy).toBeCloseTo(0.25);
    expect(shares?.stolen).toBeCloseTo(0.05);
  });

  it("that cannot be read is said to be unknown", () => {
    expect(parseTimes("")).toBeNull();
    const unknown = { load: [1, 1, 1], busyShare: null, stolenShare: null };
    expect(formatNoise(unknown, unknown)).toContain("an unknown share");
  });

  it("that is loud is called so", () => {
    const quiet = { load: [0.1, 0, 0], busyShare: 0.02, stolenShare: 0 };
    expect(formatNoise(quiet, quiet)).not.toContain("NOISY");
    expect(formatNoise(quiet, { ...quiet, busyShare: 0.6 })).toContain("NOISY");
  });
});

describe("arguments", () => {
  it("name cells that exist", () => {
    expect(parseArguments(["--rounds", "2", "start"], ["start"])).toMatchObject({ cells: ["start"], rounds: 2 });
    expect(() => parseArguments(["stop"], ["start"])).toThrow('there is no cell "stop"; there are start');
  });

  it.each(["0", "-1", "1.5", "x", ""])("refuse %j rounds", (rounds) => {
    expect(() => parseArguments([`--rounds=${rounds}`], [])).toThrow("--rounds needs a whole number");
  });
});

it("nothing of our own settings reaches what is measured", () => {
  const env = { PATH: "/usr/bin", HOME: "/h", PARALLAX_PORT: "1", DATABASE_URL: "x", NODE_OPTIONS: "y", LANG: "C" };
  expect(cleanEnvironment(env)).toEqual({ PATH: "/usr/bin", HOME: "/h", LANG: "C" });
});
