/** One HTTP request of the SDK: address, key, time limit, repeats, and errors with the server's own code. */
import { isParallaxError, ParallaxError } from "../errors.ts";
import { pause } from "./pause.ts";
import { readErrorAnswer } from "./read-error-answer.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ClientOptions {
  /** Where the coordinator listens, e.g. http://127.0.0.1:8765. */
  readonly baseUrl: string;
  /** A key of the coordinator; absent only where it runs without authentication. */
  readonly key?: string | undefined;
  readonly fetch?: Fetch;
  /** Of one request, default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How often a request is repeated when nobody answered or the answer was "later"; default 2. */
  readonly repeatsMax?: number;
}

type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export interface RequestOptions {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The options that every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /** The parsed JSON answer. Writes carry an Idempotency-Key, so a repeat after a lost answer changes nothing twice. */
  json<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  text(path: string, options?: RequestOptions): Promise<string>;
  /** An open answer without a time limit; never repeated. */
  open(path: string, options?: RequestOptions): Promise<Response>;
}

const REQUEST_TIMEOUT_MS = 30_000;
const REPEATS_MAX = 2;
const REPEAT_PAUSE_MS = 250;

export function createTransport(options: ClientOptions): Transport {
  const base = checkBaseUrl(options.baseUrl);
  const send = options.fetch ?? fetch;
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const repeatsMax = options.repeatsMax ?? REPEATS_MAX;

  async function once(
    method: string,
    path: string,
    request: RequestOptions,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", ...request.headers };
    if (options.key !== undefined) headers["authorization"] = `Bearer ${options.key}`;
    const init: RequestInit = { method, headers, redirect: "error" };
    if (request.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(request.body);
    }
    if (signal !== undefined) init.signal = signal;
    const response = await send(base + path + queryString(request.query), init).catch((cause: unknown) => {
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw unreachable(base, cause);
    });
    if (!response.ok) throw await readErrorAnswer(response);
    return response;
  }

  async function repeated<T>(
    method: string,
    path: string,
    request: RequestOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const headers = method === "GET" ? request.headers : { "idempotency-key": crypto.randomUUID(), ...request.headers };
    const sent: RequestOptions = headers === undefined ? request : { ...request, headers };
    for (let repeat = 0; ; repeat += 1) {
      const limit = AbortSignal.timeout(timeoutMs);
      const signal = request.signal === undefined ? limit : AbortSignal.any([request.signal, limit]);
      try {
        return await read(await once(method, path, sent, signal));
      } catch (error) {
        const isTransient = isParallaxError(error) && error.retry === "later" && error.code !== "internal";
        if (!isTransient || repeat >= repeatsMax) throw error;
        await pause(REPEAT_PAUSE_MS * 2 ** repeat, request.signal);
      }
    }
  }

  return {
    json: (method, path, request = {}) => repeated(method, path, request, (response) => readJson(response, base)),
    text: (path, request = {}) => repeated("GET", path, request, (response) => readText(response, base)),
    open: (path, request = {}) => once("GET", path, request, request.signal),
  };
}

function checkBaseUrl(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ParallaxError("config_invalid", `not an address of a coordinator: ${JSON.stringify(baseUrl)}`, {
      hint: "Give it as http://host:port.",
    });
  }
  return url.href.replace(/\/+$/, "");
}

function queryString(query: Query | undefined): string {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return "";
  return `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

function unreachable(base: string, cause: unknown): ParallaxError {
  return new ParallaxError("coordinator_unreachable", `the coordinator at ${base} does not answer`, {
    hint: "Start it with `scripts/up`, or name another one with --url or PARALLAX_URL.",
    cause,
  });
}

async function readText(response: Response, base: string): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw unreachable(base, cause);
  }
}

async function readJson<T>(response: Response, base: string): Promise<T> {
  const text = await readText(response, base);
  if (text === "") return null as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ParallaxError("config_invalid", `what answers at ${base} is not a coordinator of Parallax`, {
      hint: "Check the address and the port.",
    });
  }
}
