import { describe, expect, it } from "vitest";
import { mayWait, TOOLS } from "./tools.ts";

describe("the tools", () => {
  it("say of themselves which only read and which destroys", () => {
    const reading = TOOLS.filter((tool) => tool.annotations.readOnlyHint).map((tool) => tool.name);
    expect(reading).toEqual([
      "list_agent_blueprints",
      "list_agent_sessions",
      "get_agent_session_status",
      "get_agent_session_result",
    ]);
    expect(TOOLS.filter((tool) => tool.annotations.destructiveHint === true).map((tool) => tool.name)).toEqual([
      "delete_all_agent_sessions",
    ]);
  });

  it("may wait only when they start or resume synchronously, which is the default", () => {
    expect(mayWait("start_agent_session", { prompt: "x" })).toBe(true);
    expect(mayWait("resume_agent_session", { session_id: "ses_1", mode: null })).toBe(true);
    expect(mayWait("start_agent_session", undefined)).toBe(true);
    expect(mayWait("start_agent_session", { mode: "async_poll" })).toBe(false);
    expect(mayWait("get_agent_session_result", { session_id: "ses_1" })).toBe(false);
  });

  it("have schemas that every model provider reads: plain objects without references or dialects", () => {
    for (const { inputSchema } of TOOLS) {
      const text = JSON.stringify(inputSchema);
      for (const keyword of ["$ref", "$schema", "$defs", "propertyNames", "anyOf"]) expect(text).not.toContain(keyword);
    }
  });
});
