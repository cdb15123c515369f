import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHttpClient } from "../../http/http-client.ts";
import { makeSpec } from "../../testing/make-spec.ts";
import { createAttemptClient } from "../attempt-client.ts";
import { createAttemptLog } from "../attempt-log.ts";
import { createCallNumbers } from "./call-numbers.ts";
import { openGateway } from "./open-gateway.ts";

type Handler = (request: IncomingMessage, body: string, response: ServerResponse, tries: number) => void;

interface Bench extends AsyncDisposable {
  readonly mcpUrl: string;
  /** What reached the coordinator, in order. */
  readonly seen: { readonly path: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[];
  post(body: unknown, headers?: Record<string, string>): Promise<{ status: number; text: string }>;
}

const REQUEST = { jsonrpc: "2.0", id: 7, method: "tools/call", params: {} };
const RESPONSE = { jsonrpc: "2.0", id: 7, result: { ok: true } };
const event = (message: unknown): string => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

async function openBench(onMcp: Handler): Promise<Bench> {
  const seen: Bench["seen"] = [];
  let tries = 0;
  const server = createServer(async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    seen.push({ path: incoming.url ?? "", headers: incoming.headers, body });
    if (incoming.url !== "/mcp") return json(response, 200, { ok: true });
    tries += 1;
    onMcp(incoming, body, response, tries);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dir = mkdtempSync(join(tmpdir(), "parallax-gateway-"));
  const http = createHttpClient({});
  const spec = makeSpec({ coordinatorUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const gateway = await openGateway({
    http,
    client: createAttemptClient(http, spec, "inc_1"),
    log: createAttemptLog(2, {}, 0),
    incarnation: "inc_1",
    nextCallNumber: createCallNumbers(join(dir, "call-number")),
  });
  return {
    mcpUrl: gateway.mcpUrl,
    seen,
    post: async (body, headers = {}) => {
      const answer = await fetch(gateway.mcpUrl, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      return { status: answer.status, text: await answer.text() };
    },
    [Symbol.asyncDispose]: async () => {
      gateway.close();
      http.close();
      server.closeAllConnections();
      server.close();
      rmSync(dir, { recursive: true });
    },
  };
}

const mcpCalls = (bench: Bench): Bench["seen"] => bench.seen.filter(({ path }) => path === "/mcp");
const numbersOf = (bench: Bench): unknown[] => mcpCalls(bench).map(({ headers }) => headers["x-parallax-call"]);

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 8_000, interval: 10 }).toBe(true);
}

test("a call carries the lease token, its number and the incarnation, and nothing that the agent sent as authorization", async () => {
  await using bench = await openBench((_request, _body, response) => json(response, 200, RESPONSE));
  await bench.post(REQUEST, {
    authorization: "Bearer from-the-agent",
    cookie: "a=b",
    "mcp-protocol-version": "2025-06-18",
  });
  await bench.post(REQUEST);
  expect(numbersOf(bench)).toEqual(["1", "2"]);
  const [call] = mcpCalls(bench);
  expect(call?.headers).toMatchObject({
    authorization: "Bearer token-of-the-lease",
    "x-parallax-incarnation": "inc_1",
    "mcp-protocol-version": "2025-06-18",
  });
  expect(call?.headers["cookie"]).toBeUndefined();
  expect(JSON.parse(call?.body ?? "")).toEqual(REQUEST);
});

test("a call whose answer was lost is repeated under its number until it is answered", async () => {
  await using bench = await openBench((_request, _body, response, tries) => {
    if (tries === 1) response.destroy();
    else if (tries === 2) json(response, 503, {});
    else json(response, 200, RESPONSE);
  });
  const answer = await bench.post(REQUEST);
  expect(JSON.parse(answer.text)).toEqual(RESPONSE);
  expect(numbersOf(bench)).toEqual(["1", "1", "1"]);
});

test("an event stream reaches the agent event by event", async () => {
  let finish = (): void => undefined;
  await using bench = await openBench((_request, _body, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event({ jsonrpc: "2.0", method: "notifications/progress" }));
    finish = () => response.end(event(RESPONSE));
  });
  const answer = await fetch(bench.mcpUrl, { method: "POST", body: JSON.stringify(REQUEST) });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain("notifications/progress");
  finish();
  expect((await reader?.read())?.value).toContain('"result"');
});

test.each([
  ["breaks off", (response: ServerResponse) => response.destroy()],
  ["ends without the response", (response: ServerResponse) => response.end()],
] as const)(
  "an event stream that %s is continued by a repeat, and the agent sees whole events only",
  async (_name, stop) => {
    await using bench = await openBench((_request, _body, response, tries) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (tries > 1) return void response.end(event(RESPONSE));
      response.write(`${event({ jsonrpc: "2.0", method: "notifications/progress" })}event: message\ndata: {"half`);
      setImmediate(() => stop(response));
    });
    const answer = await bench.post(REQUEST);
    const data = answer.text.split("\n").filter((line) => line.startsWith("data:"));
    expect(data.map((line) => JSON.parse(line.slice(5)))).toEqual([
      { jsonrpc: "2.0", method: "notifications/progress" },
      RESPONSE,
    ]);
    expect(numbersOf(bench)).toEqual(["1", "1"]);
  },
);

test("delivery is told once the agent has the answer, and not when it went away before", async () => {
  let answerNow = (): void => undefined;
  await using bench = await openBench((_request, _body, response) => {
    answerNow = () => json(response, 200, RESPONSE);
  });
  const leaving = new AbortController();
  const left = fetch(bench.mcpUrl, { method: "POST", body: JSON.stringify(REQUEST), signal: leaving.signal }).catch(
    () => null,
  );
  await until(() => mcpCalls(bench).length === 1);
  leaving.abort();
  await left;
  const stayed = bench.post(REQUEST);
  await until(() => mcpCalls(bench).length === 2);
  expect(bench.seen.some(({ path }) => path.endsWith("/delivered"))).toBe(false);
  answerNow();
  await stayed;
  await until(() => bench.seen.some(({ path }) => path.endsWith("/delivered")));
  const delivered = bench.seen.filter(({ path }) => path.endsWith("/delivered")).map(({ body }) => JSON.parse(body));
  expect(delivered).toEqual([{ incarnation: "inc_1", call: 2 }]);
});

test("an agent that goes away ends the repeats of its call", async () => {
  await using bench = await openBench((_request, _body, response) => json(response, 503, {}));
  const leaving = new AbortController();
  const left = fetch(bench.mcpUrl, { method: "POST", body: JSON.stringify(REQUEST), signal: leaving.signal }).catch(
    () => null,
  );
  await until(() => mcpCalls(bench).length === 2);
  leaving.abort();
  await left;
  const before = mcpCalls(bench).length;
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(mcpCalls(bench).length).toBeLessThanOrEqual(before + 1);
});

test.each([
  ["a path that is not the unguessable one", { path: "/mcp" }, 404],
  ["a page that was led here under its own name", { headers: { host: "evil.example" } }, 403],
  ["reading instead of posting", { method: "GET" }, 405],
  ["ending a session", { method: "DELETE" }, 405],
  ["a body beyond the bound", { method: "POST", body: Buffer.alloc(8 * 1024 * 1024 + 1) }, 413],
] as const)("%s is refused and reaches nobody", async (_name, change, status) => {
  await using bench = await openBench((_request, _body, response) => json(response, 200, RESPONSE));
  const url = new URL(bench.mcpUrl);
  const { body, ...options }: { method?: string; path?: string; headers?: Record<string, string>; body?: Buffer } =
    change;
  const outgoing = request({ host: url.hostname, port: url.port, path: url.pathname, method: "POST", ...options });
  outgoing.on("error", () => undefined);
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(status);
  expect(mcpCalls(bench)).toEqual([]);
});
