/** The log of what agents asked the model server, and the way for tests to wait for a request instead of for a time. */
import type { Usage } from "./write-reply.ts";

/** One request; the later fields are filled while it goes on. */
export interface LoggedRequest {
  readonly number: number;
  readonly method: string;
  readonly path: string;
  /** Value of x-claude-code-session-id: the agent's own id of the conversation. */
  readonly sessionHeader: string | null;
  /** Value of x-api-key or authorization. */
  readonly auth: string | null;
  /** Parsed JSON, the text when it is not JSON, or null for none. */
  readonly body: unknown;
  readonly at: string;
  status: number | null;
  usage: Usage | null;
  /** The client went away before the reply was complete. */
  clientAborted: boolean;
  done: boolean;
}

export type LogListener = (event: "request" | "end", entry: LoggedRequest) => void;

interface Waiter {
  readonly predicate: (entry: LoggedRequest) => boolean;
  readonly resolve: (entry: LoggedRequest) => void;
}

export class RequestLog {
  readonly entries: LoggedRequest[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #listener: LogListener;

  constructor(listener: LogListener = () => {}) {
    this.#listener = listener;
  }

  add(entry: LoggedRequest): void {
    this.entries.push(entry);
    this.#listener("request", entry);
    this.#wake(entry);
  }

  end(entry: LoggedRequest, clientAborted: boolean): void {
    entry.clientAborted = clientAborted;
    entry.done = true;
    this.#listener("end", entry);
    this.#wake(entry);
  }

  /** The first entry, past or future, that fits; entries are looked at again when they end. */
  waitFor(predicate: (entry: LoggedRequest) => boolean, timeoutMs: number): Promise<LoggedRequest> {
    const known = this.entries.find(predicate);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`no such request within ${timeoutMs} ms; ${this.entries.length} others were seen`));
      }, timeoutMs);
      const waiter: Waiter = {
        predicate,
        resolve: (entry) => {
          clearTimeout(timer);
          resolve(entry);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #wake(entry: LoggedRequest): void {
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(entry)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(entry);
    }
  }
}
