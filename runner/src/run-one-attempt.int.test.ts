import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { listMarked } from "./supervisor/process-tree/kill-by-marker.ts";
import { readSpecs } from "./testing/find-supervisors.ts";
import { gatedScript, said, script } from "./testing/script.ts";
import { openBench } from "./testing/start-runner.ts";

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

test("neither the lease token nor the runner's own key is in the agent's environment or in any command line", async () => {
  await using bench = await openBench();
  const gated = gatedScript(bench.dir);
  const run = bench.coordinator.enqueue({ prompt: gated.prompt, env: { FROM_RUN: "yes" } });
  bench.startRunner([], { PARALLAX_TOKEN: "key-of-the-runner", UNRELATED: "not for agents", LC_ALL: "C.UTF-8" });
  await bench.coordinator.until("the agent works", () => said(run.frames, "working"));

  const marker = readSpecs(bench.stateDir)[0]?.marker ?? "";
  const environments = listMarked(marker).map(({ pid }) => readFileSync(`/proc/${pid}/environ`, "utf8"));
  const agent = environments.find((text) => text.includes("AGENT_SESSION_ID=")) ?? "";
  expect(agent).toContain(`AGENT_SESSION_ID=${run.offer.session_id}`);
  expect(agent).toContain("FROM_RUN=yes");
  expect(agent).toContain("LC_ALL=C.UTF-8");
  expect(agent).toMatch(/AGENT_ORCHESTRATOR_MCP_URL=http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/mcp/);
  expect(agent).not.toContain("UNRELATED");
  for (const text of [...environments, ...everyCommandLine()]) {
    expect(text).not.toContain("key-of-the-runner");
    expect(text).not.toContain(run.offer.lease_token);
  }
  gated.release();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
});

test.each([
  ["a project directory that is not there", { project_dir: "/nowhere/at/all" }, "infra_error", "project_dir_missing"],
  ["an executor that is not there", { executor: "../claude-code" }, "executor_error", "executor_unknown"],
  [
    "a setting that the executor does not have",
    { executor_config: { nonsense: true } },
    "executor_error",
    "executor_config_invalid",
  ],
  ["a runtime that this runner does not have", { runtime: "docker" }, "executor_error", "unsupported_option"],
  ["a limit that the runtime does not have", { resources: { memory: "1Gi" } }, "executor_error", "unsupported_option"],
] as const)("%s ends the run with its own code", async (_name, fields, outcome, code) => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({ prompt: "hello", ...fields });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]).toMatchObject({ outcome, error: { code }, exit: null });
  expect(run.completions[0]?.error?.message).toMatch(/\w/);
});

test("blueprint placeholders of the runner's side are filled with the gateway and the session", async () => {
  await using bench = await openBench();
  const mcpUrl = "${AGENT_ORCHESTRATOR_MCP_URL}";
  const run = bench.coordinator.enqueue({
    prompt: script({ say: "${system_prompt}" }),
    resolved_agent_blueprint: { name: "one", system_prompt: `${mcpUrl} for \${AGENT_SESSION_ID}`, mcp_servers: {} },
  });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  expect(run.completions[0]?.result_text).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/mcp for ses_/);
  expect(run.completions[0]?.result_text).toContain(run.offer.session_id);
});

test("the log's size and hash are those of the frames that arrived", async () => {
  await using bench = await openBench();
  const run = bench.coordinator.enqueue({
    prompt: script({ output_bytes: 3_000_000 }, { say: "déjà vu \u{1F600}" }),
  });
  bench.startRunner();
  await bench.coordinator.until("a completion", () => run.completions.length > 0);
  const [completion] = run.completions;
  await bench.coordinator.until("the whole log", () => run.frames.length === completion?.last_frame);
  const lines = run.frames
    .map(({ frame, type, at, data }) => `${JSON.stringify({ frame, type, at, data })}\n`)
    .join("");
  expect(completion?.log_bytes).toBe(Buffer.byteLength(lines));
  expect(completion?.log_sha256).toBe(createHash("sha256").update(lines).digest("hex"));
  expect(lines.length).toBeGreaterThan(3_000_000);
});

function everyCommandLine(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
}
