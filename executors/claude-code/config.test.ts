import { isParallaxError } from "@parallax/shared/errors";
import { describe, expect, test } from "vitest";
import { parseConfig } from "./config.ts";

describe("executor_config", () => {
  test("may be empty, and then accepts edits only", () => {
    expect(parseConfig({})).toMatchObject({ permission_mode: "acceptEdits", strict_mcp: false, allowed_tools: [] });
  });

  test("takes every key it names", () => {
    const config = {
      model: "haiku",
      permission_mode: "plan",
      allowed_tools: ["Bash(git *)"],
      disallowed_tools: ["WebFetch"],
      append_system_prompt: "- be brief",
      max_turns: 3,
      max_budget_usd: 0.5,
      max_retries: 0,
      strict_mcp: true,
    };
    expect(parseConfig(config)).toEqual(config);
  });

  test.each([
    [{ permision_mode: "plan" }, "permision_mode"],
    [{ permission_mode: "yolo" }, "permission_mode"],
    [{ model: "--dangerously-skip-permissions" }, "model"],
    [{ allowed_tools: ["Bash", "--add-dir"] }, "allowed_tools.1"],
    [{ allowed_tools: "Bash" }, "allowed_tools"],
    [{ max_turns: 0 }, "max_turns"],
    [{ max_budget_usd: -1 }, "max_budget_usd"],
    [{ model: null }, "model"],
  ])("refuses %j, naming the fault and the known keys", (config, where) => {
    try {
      parseConfig(config);
      expect.unreachable();
    } catch (error) {
      if (!isParallaxError(error)) throw error;
      expect(error.code).toBe("executor_config_invalid");
      expect(error.message).toContain(where);
      expect(error.hint).toContain("permission_mode");
      expect(error.hint).toContain("strict_mcp");
    }
  });
});
