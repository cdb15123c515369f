import { ensureClaudeCode } from "@parallax/executor-claude-code/testing/install-for-tests";
import { scriptPrompt } from "@parallax/shared/testing/model-server/script";
import { type ModelServer, startModelServer } from "@parallax/shared/testing/model-server/server";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./support/fleet.ts";

/** The real Claude Code of a real fleet; only the model is ours. What the model server was sent is the evidence. */
let model: ModelServer;
let agentsDir: string;
let fleet: Fleet | null = null;

beforeAll(async () => {
  ({ agentsDir } = await ensureClaudeCode());
});
afterEach(async (context) => {
  if (context.task.result?.state === "fail" && fleet !== null) process.stderr.write(`${fleet.dump()}\n`);
  await fleet?.close();
  await model?.close();
  fleet = null;
});

const START = "mcp__parallax__start_agent_session";

async function startClaudeFleet(): Promise<Fleet> {
  model = await startModelServer();
  fleet = await startFleet({
    agentsDir,
    runner: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "sk-ant-test-key-of-no-one" },
  });
  await fleet.startRunner("a");
  return fleet;
}

const child = (name: string, slowMs: number) =>
  scriptPrompt({ steps: [[{ slow_ms: slowMs }, { say: `${name} is done` }]] }, `You are ${name}.`);
const start = (prompt: string, extra: object = {}) => ({
  tool: START,
  input: { parameters: { prompt }, mode: "async_callback", ...extra },
});

function parentOf(...starts: object[]): string {
  return scriptPrompt(
    { steps: [starts, [{ say: "started" }]], default_resume: [[{ say: "I read: ${prompt}" }]] } as never,
    "Start your children.",
  );
}

/** The user texts that the model was sent in its last request of the conversation that began with this text. */
function conversation(firstText: string): string[] {
  const requests = model.requests.filter((request) => {
    const text = JSON.stringify((request.body as { messages?: unknown } | null)?.messages ?? []);
    return request.method === "POST" && text.includes(firstText);
  });
  return requests.map((request) => JSON.stringify((request.body as { messages: unknown }).messages));
}

async function settle(running: Fleet, sessionId: string): Promise<{ texts: string[]; attempts: number[] }> {
  await running.client.sessions.waitUntilSettled(sessionId, { timeoutMs: 120_000 });
  const tree = await running.client.sessions.tree(sessionId);
  const statuses = tree.sessions.flatMap((node) => node.runs.map((run) => `${run.status}/${run.outcome}`));
  expect(new Set(statuses)).toEqual(new Set(["completed/completed"]));
  expect(tree.sessions.every((node) => node.open_wake_ups === 0)).toBe(true);
  return {
    texts: tree.sessions[0]?.runs.map((run) => run.result_text ?? "") ?? [],
    attempts: tree.sessions.flatMap((node) => node.runs.map((run) => run.attempt)),
  };
}

const once = (texts: readonly string[], words: string) => texts.join("\n").split(words).length - 1;

describe("a real Claude Code parent", () => {
  it.each([
    ["the first child first", 100, 2500],
    ["the second child first", 2500, 100],
  ])(
    "starts two children through MCP, ends its turn, and is resumed with both results: %s",
    async (_name, firstMs, secondMs) => {
      const running = await startClaudeFleet();
      const created = await running.client.runs.create({
        type: "start_session",
        executor: "claude-code",
        prompt: parentOf(start(child("alpha", firstMs)), start(child("beta", secondMs))),
      });
      const { texts, attempts } = await settle(running, created.session_id);
      expect(once(texts, "alpha is done")).toBe(1);
      expect(once(texts, "beta is done")).toBe(1);
      expect(attempts.every((attempt) => attempt === 1)).toBe(true);
      // the model itself was sent the reports, in the parent's own conversation, behind its first turn
      const sent = conversation("Start your children.");
      const last = sent.at(-1) ?? "";
      expect(last).toContain("agent-callback");
      expect(last).toContain("alpha is done");
      expect(last).toContain("beta is done");
      expect(last.indexOf("Start your children.")).toBeLessThan(last.indexOf("agent-callback"));
    },
  );

  it("hears from a Claude child with a test grandchild only when the grandchild has reported to that child", async () => {
    const running = await startClaudeFleet();
    const grandchild = JSON.stringify({ steps: [{ wait_ms: 1500 }, { say: "the leaf is done" }] });
    const middle = scriptPrompt(
      {
        steps: [[start(grandchild, { executor: "test" })], [{ say: "middle waits" }]],
        default_resume: [[{ say: "middle heard: ${prompt}" }]],
      } as never,
      "You are the middle.",
    );
    const created = await running.client.runs.create({
      type: "start_session",
      executor: "claude-code",
      prompt: parentOf(start(middle)),
    });
    const { texts } = await settle(running, created.session_id);
    expect(once(texts, "middle heard")).toBe(1);
    expect(once(texts, "the leaf is done")).toBe(1);
    expect(once(texts, "middle waits")).toBe(0);
    const tree = await running.client.sessions.tree(created.session_id);
    expect(tree.sessions.map((node) => node.executor)).toEqual(["claude-code", "claude-code", "test"]);
  });

  it("says that something was denied, and which setting to change, instead of plain completed", async () => {
    const running = await startClaudeFleet();
    const prompt = scriptPrompt({
      steps: [
        [{ tool: "Bash", input: { command: "echo hi > /tmp/parallax-denied", description: "write" } }],
        [{ say: "could not" }],
      ],
    });
    const created = await running.client.runs.create({
      type: "start_session",
      executor: "claude-code",
      prompt,
      executor_config: { permission_mode: "default" },
    });
    const run = await running.client.runs.wait(created.run_id, { timeoutMs: 60_000 });
    expect(run).toMatchObject({
      status: "completed",
      outcome: "completed_with_denials",
      error: { code: "agent_denied" },
    });
    expect(run.error?.hint).toContain("permission_mode");
  });

  it("fails as a run when the model's API fails", async () => {
    const running = await startClaudeFleet();
    const prompt = scriptPrompt({
      steps: [[{ error: { status: 401, type: "authentication_error", message: "no such key" } }]],
    });
    const created = await running.client.runs.create({
      type: "start_session",
      executor: "claude-code",
      prompt,
      executor_config: { max_retries: 0 },
    });
    expect(await running.client.runs.wait(created.run_id, { timeoutMs: 60_000 })).toMatchObject({
      status: "failed",
      outcome: "agent_error",
      error: { code: "agent_api_error" },
    });
  });
});

describe("a Claude tree in whose middle something is killed with kill -9", () => {
  const faults: [string, (running: Fleet) => Promise<void>][] = [
    [
      "the runner",
      async (running) => {
        await running.killRunner("a");
        await running.startRunner("a");
      },
    ],
    ["the coordinator", async (running) => await running.crashCoordinator()],
    ["Postgres", async (running) => await running.killPostgres()],
  ];
  it.each(faults)("finishes, nothing twice: %s", async (_name, strike) => {
    const running = await startClaudeFleet();
    const created = await running.client.runs.create({
      type: "start_session",
      executor: "claude-code",
      prompt: parentOf(
        start(child("alpha", 4000)),
        start(child("beta", 6000)),
        start(JSON.stringify({ steps: [{ wait_ms: 3000 }, { say: "gamma is done" }] }), { executor: "test" }),
      ),
    });
    // both children are in their turn: the model has their request and is slow to answer
    await Promise.all(
      ["You are alpha.", "You are beta."].map(
        async (text) =>
          await model.waitForRequest(
            (request) =>
              request.method === "POST" &&
              !JSON.stringify(request.body).includes("Start your children.") &&
              JSON.stringify(request.body).includes(text),
            { timeoutMs: 60_000 },
          ),
      ),
    );
    await strike(running);
    const { texts, attempts } = await settle(running, created.session_id);
    for (const name of ["alpha", "beta", "gamma"]) expect([name, once(texts, `${name} is done`)]).toEqual([name, 1]);
    expect(attempts.every((attempt) => attempt === 1)).toBe(true);
  });
});
