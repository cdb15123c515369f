import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { scriptPrompt } from "@parallax/shared/testing/model-server/script";
import { describe, expect, test } from "vitest";
import { adapter } from "./index.ts";
import { setUpBench } from "./testing/bench.ts";
import { startMcpServer } from "./testing/mcp-server.ts";
import { atFirst, runClaude } from "./testing/run-claude.ts";

describe("tools of the real CLI", () => {
  test("calls the fleet's MCP tools without being asked, in parallel, after it has searched for them", async () => {
    const bench = await setUpBench();
    const mcp = await startMcpServer();
    const tool = "mcp__parallax__start_agent_session";
    const prompt = scriptPrompt({
      steps: [
        [
          { tool, input: { parameters: { prompt: "a" }, mode: "async_callback" } },
          { tool, input: { parameters: { prompt: "b" } } },
        ],
        [{ say: "${tool_result:1} ${tool_result:2}" }],
      ],
    });
    const finished = await runClaude(bench.invocation({ prompt, mcpUrl: mcp.url }), { record: "mcp-calls" });
    expect(mcp.calls.map((call) => call.input)).toEqual([
      { parameters: { prompt: "a" }, mode: "async_callback" },
      { parameters: { prompt: "b" } },
    ]);
    expect(finished.ending).toMatchObject({ outcome: "completed", error: null });
    expect(finished.ending.resultText).toContain('started {"parameters":{"prompt":"b"}}');
    expect(finished.argv.join(" ")).not.toContain("unguessable");
  });

  test("uses the blueprint's own way to the fleet, with its headers, and adds none", async () => {
    const bench = await setUpBench();
    const mcp = await startMcpServer();
    const prompt = scriptPrompt({
      steps: [[{ tool: "mcp__orch__start_agent_session" }], [{ say: "${tool_result:1}" }]],
    });
    const mcpServers = { orch: { type: "http", url: mcp.url, headers: { Authorization: "Bearer t" } } } as const;
    const blueprint = { name: "b", systemPrompt: null, mcpServers };
    const finished = await runClaude(bench.invocation({ prompt, mcpUrl: mcp.url, blueprint }));
    expect(finished.ending.outcome).toBe("completed");
    expect(mcp.calls).toMatchObject([{ tool: "start_agent_session", authorization: "Bearer t" }]);
    const config = JSON.parse(await readFile(join(bench.root, "attempt", "mcp.json"), "utf8")) as {
      mcpServers: object;
    };
    expect(Object.keys(config.mcpServers)).toEqual(["orch"]);
  });

  test("says which servers did not answer and goes on without them", async () => {
    const bench = await setUpBench();
    const finished = await runClaude(bench.invocation({ prompt: "Hello." }));
    expect(finished.events).toContainEqual({
      type: "status",
      data: { status: "mcp_servers_unavailable", servers: [{ name: "parallax", status: "failed" }] },
    });
    expect(finished.ending.outcome).toBe("completed");
  });

  test("a denied tool is a completion with denials that names the setting", async () => {
    const bench = await setUpBench();
    const file = join(bench.root, "outside.txt");
    const prompt = scriptPrompt({
      steps: [[{ tool: "Write", input: { file_path: file, content: "x" } }], [{ say: "tried" }]],
    });
    const finished = await runClaude(bench.invocation({ prompt }), { record: "denied" });
    expect(finished.ending).toMatchObject({
      outcome: "completed_with_denials",
      resultText: "tried",
      error: { code: "agent_denied", details: { tools: ["Write"], calls: 1 } },
    });
    expect(finished.ending.error?.message).toContain("Write");
    expect(finished.ending.error?.hint).toMatch(/allowed_tools.*permission_mode/);
    await expect(access(file)).rejects.toThrow();
  });

  test("edits in the project are accepted by default, and more is what the run allows", async () => {
    const bench = await setUpBench();
    const file = join(bench.projectDir, "a.txt");
    const prompt = scriptPrompt({
      steps: [
        [{ tool: "Write", input: { file_path: file, content: "x" } }],
        [{ tool: "Bash", input: { command: "touch b.txt" } }],
      ],
    });
    const executorConfig = { allowed_tools: ["Bash(touch *)"] };
    const finished = await runClaude(bench.invocation({ prompt, executorConfig }), { record: "edits" });
    expect(finished.ending.outcome).toBe("completed");
    expect(await readFile(file, "utf8")).toBe("x");
    await access(join(bench.projectDir, "b.txt"));
  });

  test("its environment has what the allow-list names and nothing of an agent around the runner", async () => {
    const bench = await setUpBench();
    const names = new Set([...adapter.envAllowList, "PATH", "HOME", "LANG"]);
    const host = {
      ...bench.invocation({ prompt: "" }).env,
      CLAUDECODE: "1",
      CLAUDE_CODE_ENTRYPOINT: "host-entrypoint",
      CLAUDE_CODE_SSE_PORT: "54321",
      CLAUDE_CODE_SESSION_ID: "host-session",
      ANTHROPIC_LOG: "debug",
      DATABASE_URL: "postgres://host-secret",
      IS_SANDBOX: "1",
    };
    const env = Object.fromEntries(Object.entries(host).filter(([name]) => names.has(name)));
    const prompt = scriptPrompt({ steps: [[{ tool: "Bash", input: { command: "env" } }], [{ echo: "tool_results" }]] });
    const executorConfig = { allowed_tools: ["Bash"] };
    const finished = await runClaude(bench.invocation({ prompt, env, executorConfig }));
    const seen = finished.ending.resultText ?? "";
    expect(seen).toContain("ANTHROPIC_API_KEY=sk-ant-test-key");
    expect(seen).toContain(`CLAUDE_CODE_TMPDIR=${join(bench.root, "attempt", "tmp")}`);
    for (const secret of ["host-entrypoint", "54321", "host-session", "ANTHROPIC_LOG", "host-secret", "IS_SANDBOX"]) {
      expect(seen).not.toContain(secret);
    }
  });

  test("tools that would wake the agent after its process is gone are not offered", async () => {
    const bench = await setUpBench();
    const prompt = scriptPrompt({
      steps: [[{ tool: "ScheduleWakeup", input: { delaySeconds: 60, prompt: "x", reason: "x" } }]],
    });
    const finished = await runClaude(bench.invocation({ prompt }));
    const results = finished.events.filter((event) => event.type === "tool_result");
    expect(results).toMatchObject([{ data: { is_error: true, text: expect.stringContaining("No such tool") } }]);
  });

  test("a subagent that reports after the first result still belongs to the turn", async () => {
    const bench = await setUpBench();
    const child = scriptPrompt({ steps: [[{ slow_ms: 700 }, { say: "from below" }]] });
    const prompt = scriptPrompt({
      steps: [
        [{ tool: "Agent", input: { description: "d", prompt: child, subagent_type: "general-purpose" } }],
        [{ say: "waiting" }],
      ],
      default_resume: [[{ say: "reported" }]],
    });
    const finished = await runClaude(bench.invocation({ prompt }), { record: "subagent" });
    const texts = finished.events.filter((event) => event.type === "message").map((event) => event.data["text"]);
    expect(texts).toContain("from below");
    expect(finished.events.filter((event) => event.type === "result").length).toBe(2);
    expect(finished.signals.filter((signal) => signal.kind === "turn_ended").length).toBe(1);
    const asked = bench.model.requests.filter((request) => request.path.startsWith("/v1/messages?"));
    const tokens = asked.reduce((sum, request) => sum + (request.usage?.input_tokens ?? 0), 0);
    expect(finished.ending.usage?.["input_tokens"]).toBe(tokens);
  });

  test("a message into the live turn is taken, replayed and answered", async () => {
    const bench = await setUpBench();
    const invocation = bench.invocation({
      prompt: scriptPrompt({
        steps: [[{ tool: "Bash", input: { command: "sleep 1; echo end" } }], [{ say: "unmoved" }]],
        on_match: [{ contains: "turn left", steps: [[{ say: "turning" }]] }],
      }),
      executorConfig: { allowed_tools: ["Bash"] },
    });
    const finished = await runClaude(invocation, {
      record: "steered",
      onReading: atFirst(
        (event) => event.type === "tool_call",
        (live) => live.write(adapter.steer(invocation, "please turn left") ?? ""),
      ),
    });
    expect(finished.ending.resultText).toBe("turning");
    const said = finished.events.filter((event) => event.type === "message" && event.data["role"] === "user");
    expect(said.at(-1)?.data["text"]).toBe("please turn left");
  });
});
