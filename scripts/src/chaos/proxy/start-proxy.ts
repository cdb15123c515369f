/**
 * Stands between a host's runner and supervisors and the coordinator, writes down what was answered, and breaks what a round wants broken.
 * It reads whole requests and answers, so that it can take away exactly the answer of one call after the coordinator has committed it.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type CallKind, type ClassifiedCall, classifyRequest } from "./classify-request.ts";
import type { History } from "./history.ts";

/**
 * pass              as if nobody stood between
 * drop_request      lost with the connection before the coordinator hears of it
 * twice             the coordinator gets it twice, one after the other; the second answer is given
 * replay_later      given on as it is, and once more a while later, when newer ones have been answered
 */
export type Treatment = "pass" | "drop_request" | "twice" | "replay_later";

/** Called for every request in order; what it returns happens to this one. */
type Rule = (call: ClassifiedCall) => Treatment;

/** none: connected. both: nothing passes in either direction. answers: requests arrive, answers do not. */
type Partition = "none" | "both" | "answers";

/** What of a request a lie can change. */
export interface Asked {
  readonly path: string;
  readonly body: Buffer;
}

export interface Wire {
  readonly url: string;
  rule: Rule;
  /** The coordinator has answered with this status; true: the answer is lost with its connection. */
  losesAnswer: ((call: ClassifiedCall, status: number) => boolean) | null;
  /** Changes what is asked for. */
  rewrite: ((asked: Asked, call: ClassifiedCall) => Asked) | null;
  /** Silence, not refusal: whoever waits notices by its own time limit. Healing lets what was held go. */
  partition(kind: Partition): void;
  /** Called when the coordinator has answered and the answer is on its way; it is held back until the promise resolves. */
  onAnswer: ((call: ClassifiedCall, status: number) => Promise<void> | undefined) | null;
  close(): Promise<void>;
}

export interface WireOptions {
  readonly host: string;
  /** Where the coordinator listens now. */
  readonly target: () => string;
  readonly history: History;
  readonly listenOn?: string;
}

const REPLAY_AFTER_MS = 1_500;
const HELD_CALLS: ReadonlySet<CallKind> = new Set(["claim", "directives", "mcp"]);

const passAll: Rule = () => "pass";

export async function startProxy(options: WireOptions): Promise<Wire> {
  const proxy = new RecordingProxy(options);
  await proxy.listen(options.listenOn ?? "127.0.0.1");
  return proxy;
}

interface Taken {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

class RecordingProxy implements Wire {
  rule: Rule = passAll;
  onAnswer: Wire["onAnswer"] = null;
  losesAnswer: Wire["losesAnswer"] = null;
  rewrite: Wire["rewrite"] = null;
  readonly #options: WireOptions;
  readonly #server: Server;
  #partition: Partition = "none";
  #healed = Promise.withResolvers<void>();
  #url = "";

  constructor(options: WireOptions) {
    this.#options = options;
    this.#healed.resolve();
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  get url(): string {
    return this.#url;
  }

  async listen(address: string): Promise<void> {
    this.#server.listen(0, address);
    await once(this.#server, "listening");
    this.#url = `http://${address}:${(this.#server.address() as AddressInfo).port}`;
  }

  partition(kind: Partition): void {
    if (kind === this.#partition) return;
    if (this.#partition === "none") this.#healed = Promise.withResolvers<void>();
    this.#partition = kind;
    if (kind === "none") this.#healed.resolve();
  }

  async close(): Promise<void> {
    this.partition("none");
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const call = classifyRequest(incoming.url ?? "");
    const treatment = this.rule(call);
    if (treatment === "drop_request") return void outgoing.destroy();
    if (this.#partition === "both") {
      await this.#healed.promise;
      return void outgoing.destroy();
    }
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    // Who hangs up takes back a long poll, but not a write that is on its way.
    const signal = HELD_CALLS.has(call.kind) && treatment === "pass" ? gone.signal : undefined;
    const isStreamed = call.kind === "mcp" && treatment === "pass" && this.losesAnswer === null;
    if (treatment === "twice") await this.#ask(incoming, body, call, signal);
    if (treatment === "replay_later") this.#replay(incoming, body, call);
    if (isStreamed) return await this.#stream(incoming, outgoing, body, signal);
    const answer = await this.#ask(incoming, body, call, signal);
    await this.onAnswer?.(call, answer.status);
    if (this.#partition !== "none") {
      await this.#healed.promise;
      return void outgoing.destroy();
    }
    if (this.losesAnswer?.(call, answer.status) === true) return void outgoing.destroy();
    outgoing.writeHead(answer.status, withoutHopHeaders(answer.headers));
    outgoing.end(answer.body);
  }

  #replay(incoming: IncomingMessage, body: Buffer, call: ClassifiedCall): void {
    void sleep(REPLAY_AFTER_MS).then(() => this.#ask(incoming, body, call, undefined).catch(() => undefined));
  }

  async #ask(
    incoming: IncomingMessage,
    body: Buffer,
    call: ClassifiedCall,
    signal: AbortSignal | undefined,
  ): Promise<Taken> {
    const askedAtMs = Date.now();
    const answer = await this.#forward(incoming, body, signal);
    const taken = { status: answer.statusCode ?? 0, headers: answer.headers, body: await readAll(answer) };
    this.#write(call, askedAtMs, taken.status, body);
    return taken;
  }

  /** Answers of tools may come bit by bit over minutes. */
  async #stream(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const askedAtMs = Date.now();
    const answer = await this.#forward(incoming, body, signal);
    this.#write({ kind: "mcp", runId: null, attempt: null }, askedAtMs, answer.statusCode ?? 0, body);
    outgoing.writeHead(answer.statusCode ?? 502, withoutHopHeaders(answer.headers));
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (this.#partition !== "none") await this.#healed.promise;
      outgoing.write(chunk);
    }
    outgoing.end();
  }

  #write(call: ClassifiedCall, askedAtMs: number, status: number, body: Buffer): void {
    const bodyHash = createHash("sha256").update(body).digest("hex").slice(0, 16);
    this.#options.history.add({
      ...call,
      host: this.#options.host,
      askedAtMs,
      answeredAtMs: Date.now(),
      status,
      bodyHash,
    });
  }

  async #forward(incoming: IncomingMessage, sent: Buffer, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const asked = { path: incoming.url ?? "/", body: sent };
    const { path, body } = this.rewrite?.(asked, classifyRequest(asked.path)) ?? asked;
    const target = new URL(path, this.#options.target());
    const length = body.length === 0 ? {} : { "content-length": String(body.length) };
    const headers = { ...incoming.headers, ...length, host: target.host, connection: "close" };
    const upstream = request(target, {
      method: incoming.method ?? "GET",
      headers,
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    upstream.end(body);
    const [answer] = (await once(upstream, "response")) as [IncomingMessage];
    return answer;
  }
}

/** What the proxy says of its own connections, not of the coordinator's. */
function withoutHopHeaders(headers: IncomingMessage["headers"]): IncomingMessage["headers"] {
  const { connection: _connection, "transfer-encoding": _encoding, "keep-alive": _keepAlive, ...rest } = headers;
  return rest;
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
