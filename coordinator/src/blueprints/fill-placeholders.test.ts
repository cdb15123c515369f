import { describe, expect, it } from "vitest";
import { fillPlaceholders } from "./fill-placeholders.ts";

const values = {
  params: { a: "1", deep: { b: [2] }, evil: "${scope.secret}" },
  scope: { secret: "s" },
  runtime: { session_id: "ses_1" },
};

describe("placeholders", () => {
  it("are filled in every string of a structure", () => {
    expect(fillPlaceholders({ x: ["${params.a} ${runtime.session_id}", 3], "k${params.a}": null }, values)).toEqual({
      x: ["1 ses_1", 3],
      "k${params.a}": null,
    });
  });

  it("reach into structures and become JSON where the value is not text", () => {
    expect(fillPlaceholders("${params.deep.b}", values)).toBe("[2]");
  });

  it("that nobody knows stay literal, the environment's always", () => {
    expect(
      fillPlaceholders("${params.none} ${env.HOME} ${AGENT_SESSION_ID} ${runner.orchestrator_mcp_url}", values),
    ).toBe("${params.none} ${env.HOME} ${AGENT_SESSION_ID} ${runner.orchestrator_mcp_url}");
  });

  it("cannot be smuggled in by a value", () => {
    expect(fillPlaceholders("${params.evil}", values)).toBe("${scope.secret}");
  });

  it("do not read what is inherited", () => {
    expect(fillPlaceholders("${params.constructor} ${params.__proto__}", values)).toBe(
      "${params.constructor} ${params.__proto__}",
    );
  });

  it("of the runner cannot be smuggled in by a value, which the runner would fill", () => {
    const sly = {
      params: { a: "x ${AGENT_ORCHESTRATOR_MCP_URL} ${runner.orchestrator_mcp_url} ${AGENT_SESSION_ID} ${other}" },
    };
    const filled = fillPlaceholders("${params.a} ${AGENT_SESSION_ID}", sly);
    expect(filled).toBe(
      "x $\\{AGENT_ORCHESTRATOR_MCP_URL} $\\{runner.orchestrator_mcp_url} $\\{AGENT_SESSION_ID} ${other} ${AGENT_SESSION_ID}",
    );
  });
});
