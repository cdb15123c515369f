import { describe, expect, it } from "vitest";
import type { LaneRecord, RunnerRecord } from "../store/records.ts";
import { matchesRunner } from "./match-lane.ts";
import { WaitingPolls } from "./waiting-polls.ts";

const runner = (overrides: Partial<RunnerRecord> = {}): RunnerRecord =>
  ({
    id: "rnr_1",
    projectId: "default",
    hostname: "h",
    projectDir: "/p",
    executorProfile: null,
    executor: null,
    executors: { test: { version: "1" } },
    runtimes: ["local"],
    tags: [],
    requireMatchingTags: false,
    ...overrides,
  }) as RunnerRecord;
const lane = (id: string, demands: LaneRecord["demands"]): LaneRecord => ({
  id,
  projectId: "default",
  key: id,
  demands,
  createdAt: new Date(0),
});

describe("held polls", () => {
  it("learn a lane that was made after they arrived, even when a newer poll knew it first", () => {
    const polls = new WaitingPolls();
    const old = { runner: runner(), lanes: new Set<string>() };
    const young = { runner: runner({ id: "rnr_2" }), lanes: new Set(["lane_new"]) };
    polls.add(old);
    polls.add(young);
    polls.learn(lane("lane_new", { executor: "test" }));
    expect([...polls.of("lane_new")]).toHaveLength(2);
    polls.delete(old);
    polls.delete(young);
    expect([...polls.of("lane_new")]).toEqual([]);
    expect(polls.size).toBe(0);
  });
});

describe("matching", () => {
  it.each([
    ["the executor it serves", { executor: "test", runtime: "local" }, {}, true],
    ["an executor it does not serve", { executor: "codex" }, {}, false],
    ["a runtime it does not have", { executor: "test", runtime: "docker" }, {}, false],
    ["another host", { executor: "test", hostname: "other" }, {}, false],
    ["all demanded tags", { executor: "test", tags: ["a", "b"] }, { tags: ["a", "b", "c"] }, true],
    ["only some demanded tags", { executor: "test", tags: ["a", "b"] }, { tags: ["a"] }, false],
    [
      "no tags, for a runner that wants its own",
      { executor: "test" },
      { tags: ["a"], requireMatchingTags: true },
      false,
    ],
    ["any executor, for a runner that names none", { executor: "anything" }, { executors: {} }, true],
    ["its profile's name", { executor: "mine" }, { executors: {}, executorProfile: "mine" }, true],
  ] as const)("judges %s", (_name, demands, overrides, expected) => {
    expect(matchesRunner(demands as LaneRecord["demands"], runner(overrides as Partial<RunnerRecord>))).toBe(expected);
  });
});
