import { afterEach, describe, expect, test } from "vitest";
import { TEXT_AFTER_LAST_STEP, TEXT_WITHOUT_SCRIPT } from "./plan-reply.ts";
import { scriptPrompt } from "./script.ts";
import type { ModelServer } from "./server.ts";
import { startModelServer } from "./server.ts";

type Message = { readonly role: string; readonly content: unknown };
type Block = { readonly type: string; readonly [key: string]: unknown };

const servers: ModelServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(): Promise<ModelServer> {
  const server = await startModelServer();
  servers.push(server);
  return server;
}

const user = (content: unknown): Message => ({ role: "user", content });
const assistant = (...content: Block[]): Message => ({ role: "assistant", content });
const call = (id: string, name = "Bash", input: unknown = {}): Block => ({ type: "tool_use", id, name, input });
const result = (id: string, text: string): Block => ({ type: "tool_result", tool_use_id: id, content: text });

function post(
  server: ModelServer,
  messages: readonly Message[],
  more: object = {},
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${server.url}/v1/messages?beta=true`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-api-key": "test-key",
      "x-claude-code-session-id": "conversation-1",
    },
    body: JSON.stringify({ model: "m", max_tokens: 10, messages, ...more }),
    ...init,
  });
}

async function ask(server: ModelServer, messages: readonly Message[], more: object = {}): Promise<Block[]> {
  const response = await post(server, messages, more);
  return ((await response.json()) as { content: Block[] }).content;
}

async function askText(server: ModelServer, messages: readonly Message[], more: object = {}): Promise<string> {
  return (await ask(server, messages, more)).map((block) => String(block["text"] ?? block["name"])).join("|");
}

const steps = [[{ tool: "Bash", input: { command: "ls" } }], [{ say: "done: ${tool_result:1}" }]];

describe("the reply", () => {
  test("is a short fixed text when there is no script", async () => {
    expect(await askText(await start(), [user("hello")])).toBe(TEXT_WITHOUT_SCRIPT);
  });

  test("follows the steps by the tool calls of the turn, parallel calls counting once", async () => {
    const server = await start();
    const asked = user([
      { type: "text", text: "<system-reminder>not the prompt</system-reminder>" },
      { type: "text", text: scriptPrompt({ steps }) },
    ]);
    expect(await ask(server, [asked])).toMatchObject([{ type: "tool_use", name: "Bash", input: { command: "ls" } }]);
    const answered = [
      asked,
      assistant(call("1")),
      assistant(call("2")),
      user([result("1", "a.txt"), result("2", "b.txt")]),
    ];
    expect(await askText(server, answered)).toBe("done: a.txt");
    expect(await askText(server, [...answered, assistant(call("3")), user([result("3", "c")])])).toBe(
      TEXT_AFTER_LAST_STEP,
    );
  });

  test("to later turns follows on_match, then on_resume, then default_resume", async () => {
    const server = await start();
    const first = user(
      scriptPrompt({
        steps: [[{ say: "first" }]],
        on_match: [{ contains: "<agent-callback", steps: [[{ say: "called back: ${prompt}" }]] }],
        on_resume: [[[{ say: "second" }]]],
        default_resume: [[{ say: "later" }]],
      }),
    );
    const said = assistant({ type: "text", text: "first" });
    expect(await askText(server, [first, said, user("again")])).toBe("second");
    expect(await askText(server, [first, said, user("again"), said, user("and again")])).toBe("later");
    expect(await askText(server, [first, said, user('<agent-callback session="x">ok</agent-callback>')])).toBe(
      'called back: <agent-callback session="x">ok</agent-callback>',
    );
  });

  test("is governed by the newest script", async () => {
    const messages = [
      user(scriptPrompt({ steps: [[{ say: "old" }]] })),
      user(scriptPrompt({ steps: [[{ say: "new" }]] })),
    ];
    expect(await askText(await start(), messages)).toBe("new");
  });

  test("ignores what the CLI itself says in the user's name", async () => {
    const messages = [
      user(scriptPrompt({ steps: [[{ say: "x" }]], default_resume: [[{ say: "later" }]] })),
      user("[Request interrupted by user]"),
      user("Your response above was stopped by a safety classifier and so on"),
    ];
    expect(await askText(await start(), messages)).toBe("x");
  });

  test("can turn to a message that came into the live turn", async () => {
    const script = {
      steps: [[], [{ say: "unmoved" }]],
      on_match: [{ contains: "left", steps: [[{ say: "turning" }]] }],
    };
    const told = (text: string): Message => ({
      role: "system",
      content: `The user sent a new message while you were working:\n${text}\n\nThis is how Claude Code surfaces messages.`,
    });
    const messages = [user(scriptPrompt(script)), assistant(call("1")), user([result("1", "ok")])];
    const server = await start();
    expect(await askText(server, [...messages, told("go left")])).toBe("turning");
    expect(await askText(server, [...messages, told("go on")])).toBe("unmoved");
  });

  test("fills templates, but not inside the script of a child", async () => {
    const child = scriptPrompt({ steps: [[{ say: "${prompt}" }]] });
    const prompt = scriptPrompt(
      { steps: [[{ tool: "Start", input: { list: [`${"${prompt}"} ${child}`] } }]] },
      "words",
    );
    const [block] = await ask(await start(), [user(prompt)]);
    expect(block?.["input"]).toEqual({ list: [`words ${child}`] });
  });

  test("echoes history, tools, system prompt and tool results", async () => {
    const server = await start();
    const echo = (what: "history" | "tools" | "system" | "tool_results" | "prompt") =>
      askText(
        server,
        [
          user(scriptPrompt({ steps: [[], [{ echo: what }]] }, "words")),
          assistant(call("1")),
          user([result("1", "r")]),
        ],
        { system: [{ type: "text", text: "be kind" }], tools: [{ name: "Bash" }, { name: "Read" }] },
      );
    expect(await echo("history")).toBe("user: words\ncall: Bash");
    expect(await echo("tools")).toBe("Bash\nRead");
    expect(await echo("system")).toBe("be kind");
    expect(await echo("tool_results")).toBe("r");
    expect(await echo("prompt")).toBe("words");
  });

  test("searches for a deferred tool first, and that does not count as a step", async () => {
    const server = await start();
    const more = { tools: [{ name: "ToolSearch" }] };
    const asked = user(
      scriptPrompt({ steps: [[{ tool: "mcp__p__start" }, { tool: "mcp__p__start" }], [{ say: "end" }]] }),
    );
    const searched = await ask(server, [asked], more);
    expect(searched).toMatchObject([{ name: "ToolSearch", input: { query: "select:mcp__p__start" } }]);
    const found = user([
      { type: "tool_result", tool_use_id: "s", content: [{ type: "tool_reference", tool_name: "mcp__p__start" }] },
      { type: "text", text: "Tool loaded." },
    ]);
    const loaded = [asked, assistant(call("s", "ToolSearch", { query: "select:mcp__p__start" })), found];
    expect(await askText(server, loaded, more)).toBe("mcp__p__start|mcp__p__start");
    expect(
      await askText(server, [...loaded, assistant(call("1", "mcp__p__start")), user([result("1", "ok")])], more),
    ).toBe("end");
  });

  test("searches again when nothing was found, and calls the tool anyway in the end", async () => {
    const server = await start();
    const more = { tools: [{ name: "ToolSearch" }] };
    const asked = user(scriptPrompt({ steps: [[{ tool: "mcp__p__start" }]] }));
    const miss = [
      assistant(call("s", "ToolSearch", { query: "select:mcp__p__start" })),
      user([result("s", "No match")]),
    ];
    expect(await askText(server, [asked, ...miss], more)).toBe("ToolSearch");
    expect(await askText(server, [asked, ...miss, ...miss, ...miss, ...miss, ...miss], more)).toBe("mcp__p__start");
  });
});

describe("on the wire", () => {
  test("a stream has the events in the order of the Messages API", async () => {
    const script = { steps: [[{ think: "hm" }, { say: "héllo 🙂" }, { tool: "Bash", input: { command: "ls" } }]] };
    const response = await post(await start(), [user(scriptPrompt(script))], { stream: true });
    const text = await response.text();
    const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(String(json)) as Block);
    expect(data.map((event) => event.type)).toEqual([
      ...["message_start", "ping"],
      ...["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"],
      ...["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"],
      ...["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
    const deltas = data.flatMap((event) =>
      event["delta"] === undefined ? [] : [event["delta"] as Record<string, unknown>],
    );
    expect(deltas.map((delta) => delta["text"] ?? "").join("")).toBe("héllo 🙂");
    expect(deltas.map((delta) => delta["partial_json"] ?? "").join("")).toBe('{"command":"ls"}');
    expect(deltas.at(-1)?.["stop_reason"]).toBe("tool_use");
  });

  test("a refusal is a stop reason", async () => {
    const response = await post(await start(), [user(scriptPrompt({ steps: [[{ refuse: true }]] }))]);
    expect(await response.json()).toMatchObject({ stop_reason: "refusal" });
  });

  test("usage is what the script says, else an estimate that repeats", async () => {
    const server = await start();
    const usage = { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3 };
    await ask(server, [user(scriptPrompt({ steps: [[{ say: "x" }, { usage }]] }))]);
    expect(server.requests[0]?.usage).toEqual({ ...usage, cache_creation_input_tokens: 0 });
    await ask(server, [user("same")]);
    await ask(server, [user("same")]);
    expect(server.requests[1]?.usage).toEqual(server.requests[2]?.usage);
  });

  test("an error has its status and body, and first_n lets later tries pass", async () => {
    const server = await start();
    const item = { error: { status: 429, message: "slow down", first_n: 2, retry_after_seconds: 3 } };
    const messages = [user(scriptPrompt({ steps: [[item, { say: "at last" }]] }))];
    const refused = await post(server, messages);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3"]);
    expect(await refused.json()).toEqual({ type: "error", error: { type: "rate_limit_error", message: "slow down" } });
    expect((await post(server, messages)).status).toBe(429);
    expect(await askText(server, messages)).toBe("at last");
  });

  test("a broken script is answered with its fault", async () => {
    const response = await post(await start(), [user('```script {"steps":1} ```')]);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("steps");
  });

  test("a hanging reply ends when the client goes away, and the log says so", async () => {
    const server = await start();
    const gone = new AbortController();
    const script = { steps: [[{ say: "partial", chunks: 3, slow_ms: 1 }, { hang: true as const }]] };
    const response = await post(server, [user(scriptPrompt(script))], { stream: true }, { signal: gone.signal });
    expect(response.status).toBe(200);
    gone.abort();
    const entry = await server.waitForRequest((request) => request.done, { timeoutMs: 5000 });
    expect(entry.clientAborted).toBe(true);
  });

  test("a dropped stream breaks off and does not count as the client's doing", async () => {
    const server = await start();
    const script = { steps: [[{ say: "partial" }, { slow_ms: 1 }, { drop: true as const }]] };
    const response = await post(server, [user(scriptPrompt(script))], { stream: true });
    await expect(response.text()).rejects.toThrow();
    const entry = await server.waitForRequest((request) => request.done, { timeoutMs: 5000 });
    expect(entry).toMatchObject({ clientAborted: false, status: 200 });
  });

  test("side routes have answers", async () => {
    const { url } = await start();
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({ data: [] });
    const counted = await fetch(`${url}/v1/messages/count_tokens`, { method: "POST", body: "{}" });
    expect(await counted.json()).toEqual({ input_tokens: 1 });
    expect((await fetch(`${url}/v1/other`, { method: "POST", body: "{}" })).status).toBe(404);
  });
});

describe("the log", () => {
  test("has session header, key and body of every request", async () => {
    const server = await start();
    await ask(server, [user("hello")]);
    expect(server.requests).toMatchObject([
      {
        number: 1,
        method: "POST",
        path: "/v1/messages?beta=true",
        sessionHeader: "conversation-1",
        auth: "test-key",
        body: { messages: [{ role: "user", content: "hello" }] },
        status: 200,
        clientAborted: false,
      },
    ]);
  });

  test("lets a test wait for a request that is yet to come, and says what it missed", async () => {
    const server = await start();
    const waiting = server.waitForRequest((request) => request.method === "POST", { timeoutMs: 5000 });
    await ask(server, [user("hello")]);
    expect((await waiting).number).toBe(1);
    await expect(server.waitForRequest(() => false, { timeoutMs: 10 })).rejects.toThrow(/1 others/);
  });

  test("closing the server ends hanging replies", async () => {
    const server = await start();
    const pending = post(server, [user(scriptPrompt({ steps: [[{ hang: true }]] }))]);
    await server.waitForRequest(() => true, { timeoutMs: 5000 });
    const failed = expect(pending).rejects.toThrow();
    await server.close();
    await failed;
    expect(server.requests[0]?.clientAborted).toBe(false);
  });
});
