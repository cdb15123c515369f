import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { adapter } from "./index.ts";
import type { Step } from "./script.ts";
import type { AgentBench } from "./testing/run-agent.ts";
import { openAgentBench } from "./testing/run-agent.ts";

let bench: AgentBench;
beforeEach(async () => {
  bench = await openAgentBench();
});
afterEach(() => bench.close());

const said = (text: string) => (event: { type: string; data: Readonly<Record<string, unknown>> }) =>
  event.type === "message" && event.data.text === text;

async function conversationOf(prompt: Parameters<AgentBench["run"]>[0]): Promise<string> {
  const agent = await bench.run(prompt);
  await agent.exit;
  const bound = agent.signals.find((signal) => signal.kind === "bound");
  return bound?.executorSessionId ?? "";
}

describe("a turn", () => {
  test("without a script says the prompt back", async () => {
    const agent = await bench.run("hello\nthere");
    expect(await agent.finish()).toMatchObject({ outcome: "completed", resultText: "echo: hello\nthere" });
    expect(agent.signals.map((signal) => signal.kind)).toEqual(["bound", "prompt_taken", "turn_ended"]);
  });

  test("ends with the script's result, denials and summed usage", async () => {
    const agent = await bench.run({
      steps: [
        { deny: "Bash" },
        { usage: { tokens: 2 } },
        { usage: { tokens: 3 } },
        { result: { n: "${turn}" } },
        { result: "text" },
      ],
    });
    expect(await agent.finish()).toEqual({
      outcome: "completed_with_denials",
      resultText: "text",
      resultData: { n: "1" },
      usage: { tokens: 5 },
      error: null,
    });
  });

  test.each<[Step, string, string | undefined, number]>([
    [{ fail: "no" }, "agent_error", "agent_failed", 1],
    [{ exit: 7 }, "agent_error", "agent_failed", 7],
    [{ exit: 0 }, "agent_error", "agent_ended_without_result", 0],
    [{ refuse: "no" }, "refused", "agent_refused", 0],
    [{ say: "${child:nobody}" }, "agent_error", "agent_failed", 1],
  ])("that does %j ends as %s", async (step, outcome, code, exitCode) => {
    const agent = await bench.run({ steps: [step, { touch: `${bench.dir}/too-far` }] });
    const ending = await agent.finish();
    expect(ending).toMatchObject({ outcome });
    expect(ending.error?.code).toBe(code);
    expect((await agent.exit).exitCode).toBe(exitCode);
    expect(existsSync(join(bench.dir, "too-far"))).toBe(false);
  });

  test("writes raw output of the asked size, and its side effects in order with their time", async () => {
    const before = Date.now();
    const agent = await bench.run({
      steps: [
        { output_bytes: 2500 },
        { stderr: "warning" },
        {
          repeat: {
            times: 2,
            steps: [{ append: { file: `${bench.dir}/ledger`, line: "${session} ${attempt} ${i} ${time}" } }],
          },
        },
      ],
    });
    await agent.exit;
    const raw = agent.events.filter((event) => event.type === "output");
    const bytes = raw
      .filter((event) => event.data.stream === "stdout")
      .map((event) => String(event.data.text).length + 1);
    expect(bytes).toEqual([1000, 1000, 500]);
    expect(raw.some((event) => event.data.stream === "stderr" && event.data.text === "warning")).toBe(true);
    const lines = readFileSync(join(bench.dir, "ledger"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => line.slice(0, 9))).toEqual(["ses_1 1 1", "ses_1 1 2"]);
    const times = lines.map((line) => Number(line.slice(10)));
    expect(times.every((time) => time >= before && time <= Date.now())).toBe(true);
  });

  test("waits for a file that a test writes", async () => {
    const file = join(bench.dir, "go");
    const agent = await bench.run({ steps: [{ say: "waiting" }, { wait_for_file: file }, { say: "went" }] });
    await agent.event(said("waiting"));
    expect(agent.events.some(said("went"))).toBe(false);
    writeFileSync(file, "");
    expect(await agent.finish()).toMatchObject({ outcome: "completed", resultText: "went" });
  });
});

describe("what the agent said before it ended", () => {
  const flood: Step = { repeat: { times: 50, steps: [{ say: "y".repeat(100_000) }] } };

  test.each<[string, Step[]]>([
    ["completes", []],
    ["fails", [{ fail: "no" }]],
    ["refuses", [{ refuse: "no" }]],
    ["exits by itself", [{ exit: 3 }]],
    ["was given a step it cannot do", [{ say: "${child:nobody}" }]],
  ])("arrives whole at a slow reader when it %s", async (_how, end) => {
    const done = join(bench.dir, "done");
    const agent = await bench.run({ steps: [{ stderr: "first" }, flood, { touch: done }, ...end] });
    const { stdout } = agent.process;
    stdout.pause();
    while (!existsSync(done)) await nextTick();
    stdout.on("data", () => {
      stdout.pause();
      setImmediate(() => stdout.resume());
    });
    stdout.resume();
    const ending = await agent.finish();
    const bytes = agent.events
      .filter(({ type }) => type === "message")
      .reduce((sum, { data }) => sum + String(data.text).length, 0);
    expect(bytes).toBe(5_000_000);
    expect(ending.error?.code).not.toBe("agent_ended_without_result");
  });

  test("is not waited for when its reader is gone", async () => {
    const agent = await bench.run({ steps: [{ wait_for_file: `${bench.dir}/go` }, flood] });
    agent.process.stdout.destroy();
    writeFileSync(join(bench.dir, "go"), "");
    expect((await agent.exit).signal).toBeNull();
  });
});

describe("an interrupt", () => {
  test.each<[string, (agent: Awaited<ReturnType<AgentBench["run"]>>) => void]>([
    ["by signal", (agent) => void agent.process.kill("SIGINT")],
    ["by stdin", (agent) => agent.send(`{"interrupt":true}\n`)],
  ])("%s ends the turn and keeps the conversation", async (_how, interrupt) => {
    const agent = await bench.run({ steps: [{ say: "here" }, { hang: true }], default_resume: [{ say: "back" }] });
    await agent.event(said("here"));
    interrupt(agent);
    expect(await agent.finish()).toMatchObject({ outcome: "interrupted", resultText: "here" });
    expect((await agent.exit).exitCode).toBe(130);
    const bound = agent.signals.find((signal) => signal.kind === "bound");
    const resumed = await bench.run("go on", {
      mode: "resume",
      runId: "run_2",
      executorSessionId: bound?.executorSessionId ?? null,
    });
    expect(await resumed.finish()).toMatchObject({ resultText: "back" });
  });

  test("is not heard by a script that ignores signals, and TERM neither", async () => {
    const agent = await bench.run({
      steps: [{ ignore_signals: true }, { say: "deaf" }, { wait_for_file: `${bench.dir}/go` }],
    });
    await agent.event(said("deaf"));
    agent.process.kill("SIGINT");
    agent.process.kill("SIGTERM");
    agent.send(`{"interrupt":true}\n`);
    writeFileSync(join(bench.dir, "go"), "");
    expect(await agent.finish()).toMatchObject({ outcome: "completed" });
  });

  test("cannot end an agent that hangs after its result; its result counts", async () => {
    const agent = await bench.run({ steps: [{ result: "all" }, { hang_after_result: true }] });
    await agent.event((event) => event.type === "result");
    agent.process.kill("SIGINT");
    agent.process.kill("SIGTERM");
    expect(await agent.finish()).toMatchObject({ outcome: "completed", resultText: "all" });
  });
});

test("a message steered into the live turn reaches the script", async () => {
  const agent = await bench.run({ steps: [{ say: "ready" }, { wait_for_steer: true }, { say: "heard ${steered}" }] });
  await agent.event(said("ready"));
  agent.send(adapter.steer({} as never, "left\nright"));
  expect(await agent.finish()).toMatchObject({ resultText: "heard left\nright" });
});

describe("a conversation", () => {
  test("goes on with the resume steps in order, then the default ones, then says back", async () => {
    const id = await conversationOf({
      on_resume: [[{ say: "one ${turn} ${prompt}" }]],
      default_resume: [{ say: "more" }],
    });
    const texts: (string | null)[] = [];
    for (const [index, prompt] of ["a", "b", "c"].entries()) {
      const agent = await bench.run(prompt, { mode: "resume", runId: `run_r${index}`, executorSessionId: id });
      texts.push((await agent.finish()).resultText);
    }
    expect(texts).toEqual(["one 2 a", "more", "more"]);
  });

  test("repeats the turn of the same run on a later attempt", async () => {
    const first = await bench.run({ steps: [{ say: "attempt ${attempt}" }, { wait_for_file: `${bench.dir}/go` }] });
    await first.event(said("attempt 1"));
    const bound = first.signals.find((signal) => signal.kind === "bound");
    first.process.kill("SIGKILL");
    await first.exit;
    writeFileSync(join(bench.dir, "go"), "");
    const second = await bench.run("you were interrupted", {
      attempt: 2,
      executorSessionId: bound?.executorSessionId ?? null,
    });
    expect(await second.finish()).toMatchObject({ outcome: "completed", resultText: "attempt 2" });
  });

  test("that is not there cannot be resumed and says so", async () => {
    for (const executorSessionId of ["tst_gone", null]) {
      const agent = await bench.run("x", { mode: "resume", executorSessionId });
      expect((await agent.finish()).error?.code).toBe("agent_session_missing");
      expect(agent.signals).toEqual([]);
    }
  });

  test("has one writer: a second process is turned away while the first lives, also when it is frozen", async () => {
    const first = await bench.run({ steps: [{ say: "mine" }, { hang: true }] });
    await first.event(said("mine"));
    const executorSessionId = first.signals.find((signal) => signal.kind === "bound")?.executorSessionId ?? null;
    first.process.kill("SIGSTOP");
    const second = await bench.run("x", { mode: "resume", runId: "run_2", executorSessionId });
    expect(await second.finish()).toMatchObject({ outcome: "agent_error", error: { code: "agent_failed" } });
    expect((await second.finish()).error?.message).toContain("another process is writing");
    first.process.kill("SIGKILL");
    await first.exit;
    const third = await bench.run("x", { mode: "resume", runId: "run_2", executorSessionId });
    expect(await third.finish()).toMatchObject({ outcome: "completed" });
  });
});

test.each(["child", "nohup", "setsid", "double"] as const)(
  "a process left behind as %s outlives the agent",
  async (kind) => {
    const marker = `left-${process.pid}-${kind}`;
    const agent = await bench.run({ steps: [{ fork: { kind, command_seconds: 30, marker } }] });
    await agent.exit;
    const left = await findMarked(marker);
    for (const pid of left) process.kill(pid, "SIGKILL");
    expect(left).toHaveLength(1);
  },
);

/** Reads /proc until the marked process shows up; it was spawned before the agent ended, so it is there or will be at once. */
async function findMarked(marker: string): Promise<number[]> {
  const { readdir, readFile } = await import("node:fs/promises");
  for (let look = 0; look < 100; look += 1) {
    const found: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const [environment, command] = await Promise.all(
        ["environ", "comm"].map((file) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "")),
      );
      if (environment?.includes(`PARALLAX_TEST_FORK=${marker}\0`) && command === "sleep\n") found.push(Number(name));
    }
    if (found.length > 0) return found;
  }
  return [];
}

describe("the adapter", () => {
  test("is always found and knows no settings", async () => {
    expect(await adapter.detect({ env: {}, agentsDir: null })).toMatchObject({ found: true });
    expect(() => adapter.checkConfig({})).not.toThrow();
    expect(() => adapter.checkConfig({ model: "x" })).toThrow(
      expect.objectContaining({ code: "executor_config_invalid" }),
    );
  });

  test("keeps the prompt and the gateway's address out of the command line", async () => {
    const agent = await bench.run("secret-prompt", { mcpUrl: "http://127.0.0.1:9/secret-path/mcp" });
    expect(agent.process.spawnargs.join(" ")).not.toMatch(/secret/);
    await agent.exit;
  });

  test("refuses a blueprint whose servers it could not start", async () => {
    const mcpServers = { local: { type: "stdio", command: "x" } } as const;
    const refusal = bench.run("x", { blueprint: { name: "b", systemPrompt: null, mcpServers } });
    await expect(refusal).rejects.toMatchObject({ code: "unsupported_option" });
  });
});
