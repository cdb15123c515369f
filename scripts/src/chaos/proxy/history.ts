import type { ClassifiedCall } from "./classify-request.ts";

/** One request of a runner or supervisor that the coordinator answered, whether or not the answer arrived. */
export interface AnsweredCall extends ClassifiedCall {
  readonly host: string;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly status: number;
  /** Of the request's body: two reports with the same one are the same report. */
  readonly bodyHash: string;
}

/** What the coordinator said to whom, as an observer between them saw it. */
export class History {
  readonly #calls: AnsweredCall[] = [];

  add(call: AnsweredCall): void {
    this.#calls.push(call);
  }

  get calls(): readonly AnsweredCall[] {
    return this.#calls;
  }
}
