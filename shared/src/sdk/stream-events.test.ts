import { describe, expect, test } from "vitest";
import { createClient } from "./client.ts";
import { readSse } from "./read-sse.ts";
import type { Answer } from "./testing/serve-script.ts";
import { json, serveScript } from "./testing/serve-script.ts";

const event = (seq: number, type = "message") =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq, type })}\n\n`;

const stream =
  (...chunks: readonly string[]): Answer =>
  (_asked, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };

async function collect(url: string, after?: number) {
  const seqs: number[] = [];
  for await (const one of createClient({ baseUrl: url }).runs.streamEvents("run_1", { after })) seqs.push(one.seq);
  return seqs;
}

describe("a stream of events", () => {
  test("ends after the log is sealed, although the connection stays open", async () => {
    await using server = await serveScript((_asked, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: hello\n\n${event(1)}${event(2, "log_sealed")}`);
    });
    expect(await collect(server.url)).toEqual([1, 2]);
  });

  test("goes on behind the last whole event after a broken connection, without gap or repeat", async () => {
    await using server = await serveScript(
      stream(event(1), event(2), `id: 3\ndata: {"seq":3,"ty`),
      json({ detail: { code: "store_unavailable", message: "x" } }, 503),
      stream(event(2), event(3), event(4, "log_sealed")),
    );
    expect(await collect(server.url)).toEqual([1, 2, 3, 4]);
    expect(server.asked.map((one) => one.headers["last-event-id"])).toEqual([undefined, "2", "2"]);
    expect(server.asked.map((one) => one.url)).toEqual([
      "/runs/run_1/events/stream",
      "/runs/run_1/events/stream?after=2",
      "/runs/run_1/events/stream?after=2",
    ]);
  });

  test("begins behind the given event", async () => {
    await using server = await serveScript(stream(event(8, "log_sealed")));
    expect(await collect(server.url, 7)).toEqual([8]);
    expect(server.asked[0]?.headers["last-event-id"]).toBe("7");
  });

  test("ends when it begins behind the last event of a sealed log", async () => {
    await using server = await serveScript(
      stream("retry: 1000\n\n"),
      json({ events: [], next_after: 8, sealed: true }),
    );
    expect(await collect(server.url, 8)).toEqual([]);
    expect(server.asked[1]?.url).toBe("/runs/run_1/events?after=8&limit=1");
  });

  test("throws what cannot heal", async () => {
    await using server = await serveScript(json({ detail: { code: "run_not_found", message: "x" } }, 404));
    await expect(collect(server.url)).rejects.toMatchObject({ code: "run_not_found" });
  });

  test("passes over messages that are no events", async () => {
    await using server = await serveScript(
      stream("data: hello\n\n", "event: ping\n\n", "data: null\n\n", event(1, "log_sealed")),
    );
    expect(await collect(server.url)).toEqual([1]);
  });

  test("ends by the caller's signal, also between two connections", async () => {
    await using server = await serveScript(stream(event(1)));
    const control = new AbortController();
    const reading = (async () => {
      for await (const _one of createClient({ baseUrl: server.url }).runs.streamEvents("run_1", {
        signal: control.signal,
      })) {
        control.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
  });
});

async function parse(...chunks: readonly (string | Uint8Array)[]) {
  const bytes = chunks.map((chunk) => (typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk));
  const messages = [];
  for await (const message of readSse(ReadableStream.from(bytes) as ReadableStream<Uint8Array>)) messages.push(message);
  return messages;
}

describe("the format", () => {
  test.each(["\n", "\r\n", "\r"])("is read with %j as the end of a line, however it is cut", async (end) => {
    const text = `id: 7${end}event: a${end}data: one${end}data:two${end}${end}: c${end}data: ü${end}${end}`;
    const bytes = new TextEncoder().encode(end === "\r" ? `${text}: end` : text);
    const whole = [{ id: "7", event: "a", data: "one\ntwo" }, "comment", { id: null, event: "message", data: "ü" }];
    expect(await parse(bytes)).toEqual(whole);
    expect(await parse(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  test("drops an event that its empty line never closed", async () => {
    expect(await parse("data: a\n\ndata: b\n")).toEqual([{ id: null, event: "message", data: "a" }]);
  });
});
