import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentBench } from "./testing/run-agent.ts";
import { openAgentBench } from "./testing/run-agent.ts";

interface Rpc {
  readonly id?: number;
  readonly method: string;
  readonly params: { readonly name?: string; readonly arguments?: Readonly<Record<string, unknown>> };
}

type Answer = (call: Rpc, response: ServerResponse) => void;

const result = (call: Rpc, value: object, isError = false) =>
  JSON.stringify({
    jsonrpc: "2.0",
    id: call.id,
    result: { content: [{ type: "text", text: JSON.stringify(value) }], isError },
  });

/** A server of the wire format alone: it answers what the test says and remembers what it was asked. */
async function serveMcp(answer: Answer) {
  const calls: { rpc: Rpc; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const rpc = JSON.parse(body) as Rpc;
    calls.push({ rpc, headers: request.headers });
    if (rpc.method === "notifications/initialized") return response.writeHead(202).end();
    if (rpc.method === "initialize") {
      response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "m1" });
      return response.end(JSON.stringify({ jsonrpc: "2.0", id: rpc.id, result: { protocolVersion: "2025-06-18" } }));
    }
    return answer(rpc, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    calls,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () => new Promise<void>((closed) => void server.close(() => closed())),
  };
}

const asJson: (value: object, isError?: boolean) => Answer = (value, isError) => (call, response) =>
  response.writeHead(200, { "content-type": "application/json" }).end(result(call, value, isError));

let bench: AgentBench;
beforeEach(async () => {
  bench = await openAgentBench();
});
afterEach(() => bench.close());

describe("start", () => {
  test("calls start_agent_session and remembers the child across turns", async () => {
    const mcp = await serveMcp(asJson({ session_id: "ses_child", status: "pending" }));
    const child = { steps: [{ say: "${session}" }] };
    const first = await bench.run(
      { steps: [{ start: { prompt: child, name: "a", executor: "test" } }], default_resume: [{ say: "${child:a}" }] },
      { mcpUrl: mcp.url },
    );
    expect(await first.finish()).toMatchObject({ outcome: "completed" });
    expect(mcp.calls.map(({ rpc }) => rpc.method)).toEqual(["initialize", "notifications/initialized", "tools/call"]);
    expect(mcp.calls[2]?.headers).toMatchObject({ "mcp-session-id": "m1", "mcp-protocol-version": "2025-06-18" });
    expect(mcp.calls[2]?.rpc.params).toMatchObject({
      name: "start_agent_session",
      arguments: { parameters: { prompt: JSON.stringify(child) }, mode: "async_callback", executor: "test" },
    });
    const events = first.events.map((event) => event.type).filter((type) => type.startsWith("tool"));
    expect(events).toEqual(["tool_call", "tool_result"]);

    const executorSessionId = first.signals.find((signal) => signal.kind === "bound")?.executorSessionId ?? null;
    const second = await bench.run("callback", { mode: "resume", runId: "run_2", executorSessionId, mcpUrl: mcp.url });
    expect(await second.finish()).toMatchObject({ resultText: "ses_child" });
    await mcp.close();
  });

  test("reads the answer out of a stream, past comments, progress and split chunks", async () => {
    const mcp = await serveMcp((call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } };
      const answer = `event: message\ndata: ${result(call, { session_id: "ses_c", result_text: "grün" })}\n\n`;
      const bytes = Buffer.from(`: hello\n\ndata: ${JSON.stringify(progress)}\n\n${answer}`);
      const middle = bytes.indexOf(0xc3) + 1; // inside the two bytes of ü
      response.write(bytes.subarray(0, middle));
      setImmediate(() => response.write(bytes.subarray(middle))); // and never ends by itself
    });
    const agent = await bench.run(
      { steps: [{ start: { prompt: "x", mode: "sync", name: "a" } }, { say: "got ${result:a}" }] },
      { mcpUrl: mcp.url },
    );
    expect(await agent.finish()).toMatchObject({ outcome: "completed", resultText: "got grün" });
    await mcp.close();
  });
});

describe("a call that fails", () => {
  test.each<[string, Answer]>([
    ["a tool error", asJson({ message: "out of reach" }, true)],
    ["the seeds' error object", asJson({ error: "out of reach" })],
    ["an HTTP error", (_call, response) => response.writeHead(503).end("out of reach")],
    [
      "a stream that ends early",
      (_call, response) => response.writeHead(200, { "content-type": "text/event-stream" }).end(),
    ],
  ])("with %s fails the turn", async (_how, answer) => {
    const mcp = await serveMcp(answer);
    const agent = await bench.run({ steps: [{ tool: { name: "send_message" } }] }, { mcpUrl: mcp.url });
    expect(await agent.finish()).toMatchObject({ outcome: "agent_error", error: { code: "agent_failed" } });
    await mcp.close();
  });

  test("goes on where the script allows it", async () => {
    const mcp = await serveMcp(asJson({ error: "no" }));
    const agent = await bench.run(
      { steps: [{ tool: { name: "x", as: "t", allow_error: true } }, { say: "${result:t}" }] },
      { mcpUrl: mcp.url },
    );
    expect(await agent.finish()).toMatchObject({ outcome: "completed", resultText: '{"error":"no"}' });
    await mcp.close();
  });

  test("is cut short by an interrupt", async () => {
    const asked = Promise.withResolvers<void>();
    const mcp = await serveMcp(() => asked.resolve());
    const agent = await bench.run({ steps: [{ tool: { name: "slow" } }] }, { mcpUrl: mcp.url });
    await asked.promise;
    agent.process.kill("SIGINT");
    expect(await agent.finish()).toMatchObject({ outcome: "interrupted" });
    await mcp.close();
  });
});
