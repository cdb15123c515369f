import { expect, test } from "vitest";
import { openBench } from "./testing/start-runner.ts";

const script = (...steps: object[]): string => JSON.stringify({ steps });

test("a claimed run is started before its supervisor says hello, and completes after its frames arrived", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({
    prompt: script({ say: "hello there" }, { result: "done" }),
    items: ["itm_1"],
  });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);

  const order = bench.coordinator.summary();
  const at = (call: string): number => order.indexOf(call);
  expect(at("POST /runner/register")).toBe(0);
  expect(at("POST /runner/runs/:run/started")).toBeGreaterThan(0);
  expect(at("POST /runner/runs/:run/attempts/1/hello")).toBeGreaterThan(at("POST /runner/runs/:run/started"));
  expect(at("POST /runner/runs/:run/attempts/1/completed")).toBeGreaterThan(
    at("POST /runner/runs/:run/attempts/1/events"),
  );

  const [completion] = run.completions;
  expect(completion).toMatchObject({ outcome: "completed", result_text: "done", error: null, items_taken: ["itm_1"] });
  expect(run.taken).toEqual(["itm_1"]);
  expect(run.bound).toEqual([completion?.executor_session_id]);
  expect(run.frames.map(({ frame }) => frame)).toEqual(run.frames.map((_, index) => index + 1));
  expect(run.frames.length).toBe(completion?.last_frame);
  expect(run.frames.some(({ type, data }) => type === "message" && data["text"] === "hello there")).toBe(true);
});
