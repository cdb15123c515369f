/** A server of the wire format for tests of the client: it answers what the test says, over a real socket. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly asked: readonly Asked[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** The n-th request gets the n-th answer; the last one serves all that follow. */
export async function serveScript(...answers: readonly [Answer, ...Answer[]]): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const one = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body: text === "" ? null : JSON.parse(text),
    };
    asked.push(one);
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? answers[0];
    answer(one, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((closed) => void server.close(() => closed()));
    },
  };
}

export const json =
  (value: unknown, status = 200): Answer =>
  (_asked, response) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

export const hangUp: Answer = (_asked, response) => response.destroy();
