import { expect, it } from "vitest";
import { formatStep, runSteps } from "./step.ts";

it("a step that throws has failed and tells its error", async () => {
  const [finished] = await runSteps(
    [{ name: "broken", run: () => Promise.reject(new Error("no such tool")) }],
    1,
    () => {},
  );
  expect(finished).toMatchObject({ name: "broken", ok: false, output: expect.stringContaining("no such tool") });
});

it("never runs more steps at a time than allowed, and runs all of them", async () => {
  let running = 0;
  let most = 0;
  const run = async () => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    return { ok: true, output: "" };
  };
  const finished = await runSteps(
    ["a", "b", "c", "d", "e"].map((name) => ({ name, run })),
    2,
    () => {},
  );
  expect(finished).toHaveLength(5);
  expect(most).toBe(2);
});

it("shows the output of a failed step only, and not without end", () => {
  const step = { name: "types", durationMs: 1234, output: "line\n".repeat(1000) };
  expect(formatStep({ ...step, ok: true })).toBe("ok   types        1.2 s");
  const lines = formatStep({ ...step, ok: false }).split("\n");
  expect(lines[0]).toBe("FAIL types        1.2 s");
  expect(lines).toHaveLength(302);
  expect(lines.at(-1)).toContain("700 more lines");
});
