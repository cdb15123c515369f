/** The far end of runner tests: a coordinator's runner protocol behind a real socket, with what happened written down in order. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ERROR_TABLE, isParallaxError, ParallaxError } from "@parallax/shared/errors";
import { callDeliveredSchema } from "@parallax/shared/protocol/attempts";
import {
  heartbeatSchema,
  lostReportSchema,
  type OfferedRun,
  pollQuerySchema,
  registerRunnerSchema,
  startedReportSchema,
} from "@parallax/shared/protocol/runners";
import { type FakeLease, FakeRun, parse } from "./fake-run.ts";

export interface FakeCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

const LEASE: FakeLease = { lease_ttl_ms: 90_000, freeze_after_ms: 60_000, renew_every_ms: 1_000 };

export class FakeCoordinator {
  readonly calls: FakeCall[] = [];
  readonly runs = new Map<string, FakeRun>();
  readonly lease: FakeLease;
  /** Runner ids that have registered; clear it to let the coordinator forget them. */
  readonly runners = new Set<string>();
  /** Serves POST /mcp when set. */
  onMcp: ((request: IncomingMessage, body: string, response: ServerResponse) => void) | null = null;
  /** Looked at before any call is served: an error is answered instead. */
  intercept: ((call: FakeCall) => ParallaxError | "drop_answer" | null) | null = null;
  /** Hands out more than was asked for, as no coordinator should. */
  overOffer = false;
  #server: Server | null = null;
  #port = 0;
  readonly #watchers = new Set<() => void>();

  private constructor(lease: Partial<FakeLease>) {
    this.lease = { ...LEASE, ...lease };
  }

  static async start(lease: Partial<FakeLease> = {}): Promise<FakeCoordinator> {
    const coordinator = new FakeCoordinator(lease);
    await coordinator.up();
    return coordinator;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Comes back on the same port. */
  async up(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Every connection breaks, new ones are refused. What it knows stays. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  enqueue(fields: Partial<OfferedRun> = {}): FakeRun {
    const run = new FakeRun(fields, this.lease);
    this.runs.set(run.id, run);
    this.changed();
    return run;
  }

  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves when `condition` holds; looked at after every call. */
  async until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    await this.#waitFor(condition, timeoutMs, () => {
      throw new Error(`waited ${timeoutMs} ms for: ${what}\nlast calls: ${this.summary().slice(-30).join("\n  ")}`);
    });
  }

  /** Calls as `POST /runner/runs/:run/started`, ids left out, repeats kept. */
  summary(): string[] {
    return this.calls.map(
      ({ method, path }) => `${method} ${path.replace(/run_\w+/, ":run").replace(/rnr_\w+/, ":runner")}`,
    );
  }

  #waitFor(condition: () => boolean, timeoutMs: number, onTimeout: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      const look = (): void => {
        if (condition()) done();
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        try {
          onTimeout();
          resolve();
        } catch (error) {
          reject(error);
        }
      }, timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    let text = "";
    try {
      for await (const chunk of request) text += String(chunk);
    } catch {
      return;
    }
    const call: FakeCall = {
      method: request.method ?? "",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: text === "" ? null : JSON.parse(text),
      authorization: request.headers.authorization,
    };
    this.calls.push(call);
    const intercepted = this.intercept?.(call) ?? null;
    if (url.pathname === "/mcp" && intercepted === null && this.onMcp !== null) {
      this.onMcp(request, text, response);
      return this.changed();
    }
    try {
      if (intercepted instanceof ParallaxError) throw intercepted;
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      const answer = await this.#route(call, gone.signal);
      this.changed();
      if (intercepted === "drop_answer") return void response.destroy();
      send(response, answer === null ? 204 : 200, answer);
    } catch (error) {
      this.changed();
      if (!isParallaxError(error)) throw error;
      const detail = { code: error.code, message: error.message, ...error.details };
      send(response, ERROR_TABLE[error.code].status, { detail });
    }
  }

  async #route(call: FakeCall, gone: AbortSignal): Promise<object | null> {
    const { method, path } = call;
    if (method === "POST" && path === "/runner/register") {
      const { runner_id } = parse(registerRunnerSchema, call.body);
      if (runner_id !== undefined) this.runners.add(runner_id);
      return { runner_id, poll_endpoint: "/runner/runs", poll_timeout_seconds: 25, heartbeat_interval_seconds: 10 };
    }
    if (method === "GET" && path === "/runner/runs") return await this.#poll(call, gone);
    if (method === "POST" && path === "/runner/heartbeat") {
      this.#knownRunner(parse(heartbeatSchema, call.body).runner_id);
      return { ok: true };
    }
    if (method === "DELETE" && path.startsWith("/runners/")) return { ok: true };
    const report = /^\/runner\/runs\/(run_\w+)\/(started|lost)$/.exec(path);
    if (report !== null) return this.#report(this.#run(report[1]), report[2] as "started" | "lost", call.body);
    const own = /^\/runner\/runs\/(run_\w+)\/attempts\/(\d+)\/(\w+)$/.exec(path);
    if (own !== null) return await this.#attemptCall(this.#run(own[1]), Number(own[2]), own[3] ?? "", call);
    throw new ParallaxError("not_found", path);
  }

  #run(id: string | undefined): FakeRun {
    const run = this.runs.get(id ?? "");
    if (run === undefined) throw new ParallaxError("run_not_found", `no run ${id}`);
    return run;
  }

  #knownRunner(id: string): void {
    if (!this.runners.has(id)) throw new ParallaxError("unknown_runner", "register again");
  }

  async #poll(call: FakeCall, gone: AbortSignal): Promise<object | null> {
    const query = parse(pollQuerySchema, call.query);
    this.#knownRunner(query.runner_id);
    const offered = (): FakeRun[] => {
      const replayed = [...this.runs.values()].filter((run) => run.state === "claimed" && run.pollId === query.poll_id);
      if (replayed.length > 0) return replayed;
      const wanted = [...this.runs.values()].filter(
        (run) => run.state === "pending" && (query.run_id ?? run.id) === run.id,
      );
      return wanted.slice(0, this.overOffer ? 100 : (query.free_slots ?? 1));
    };
    await this.#waitFor(
      () => offered().length > 0,
      query.hold_ms ?? 25_000,
      () => undefined,
    );
    // Nobody is there any more to take it.
    const runs = gone.aborted ? [] : offered();
    for (const run of runs) {
      run.state = "claimed";
      run.pollId = query.poll_id ?? null;
    }
    return runs.length === 0 ? null : { runs: runs.map(({ offer }) => offer), run: runs[0]?.offer };
  }

  #report(run: FakeRun, kind: "started" | "lost", body: unknown): object {
    if (kind === "started") {
      const { attempt, lease_token } = parse(startedReportSchema, body);
      return run.start(lease_token, attempt ?? 0);
    }
    const { reason, attempt, lease_token } = parse(lostReportSchema, body);
    run.check(lease_token, attempt);
    run.lost.push(reason);
    // What was never started goes back to the queue.
    if (run.state === "claimed") run.requeue();
    return { ok: true };
  }

  async #attemptCall(run: FakeRun, attempt: number, action: string, call: FakeCall): Promise<object> {
    run.check(call.authorization?.replace("Bearer ", ""), attempt);
    switch (action) {
      case "hello":
        return run.hello(call.body);
      case "events":
        return run.takeFrames(call.body);
      case "directives": {
        const open = (): boolean =>
          run.stop !== null || run.directives.some(({ seq }) => !run.acknowledged.includes(seq));
        await this.#waitFor(open, Math.min(Number(call.query["hold_ms"]), 2_000), () => undefined);
        return run.leaseAnswer();
      }
      case "bind":
        return run.bind(call.body);
      case "taken":
        return run.take(call.body);
      case "completed":
        return run.complete(call.body);
      case "delivered":
        run.delivered.push(parse(callDeliveredSchema, call.body).call);
        return { ok: true };
      default:
        throw new ParallaxError("not_found", action);
    }
  }
}

function send(response: ServerResponse, status: number, body: object | null): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === null ? undefined : JSON.stringify(body));
}
