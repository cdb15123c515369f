import { randomBytes } from "node:crypto";
import type { ErrorCode } from "@parallax/shared/errors";
import { ParallaxError } from "@parallax/shared/errors";
import {
  bindSchema,
  type Completion,
  completionSchema,
  type Directive,
  framesSchema,
  helloSchema,
  takenSchema,
} from "@parallax/shared/protocol/attempts";
import type { Frame } from "@parallax/shared/protocol/events";
import type { OfferedRun } from "@parallax/shared/protocol/runners";
import type { z } from "zod";

export interface FakeLease {
  lease_ttl_ms: number;
  freeze_after_ms: number;
  renew_every_ms: number;
}

/** One run at the fake coordinator: just enough of the real one's rules to catch a runner that breaks them. */
export class FakeRun {
  readonly id: string;
  readonly lease: FakeLease;
  offer: OfferedRun;
  state: "pending" | "claimed" | "running" | "completed" = "pending";
  pollId: string | null = null;
  incarnation: string | null = null;
  /** What every call of the attempt is refused with from now on. */
  refusal: ErrorCode | null = null;
  stop: { reason: string } | null = null;
  readonly directives: Directive[] = [];
  readonly acknowledged: number[] = [];
  readonly frames: Frame[] = [];
  readonly bound: string[] = [];
  readonly taken: string[] = [];
  readonly completions: Completion[] = [];
  readonly lost: string[] = [];
  readonly delivered: number[] = [];

  constructor(fields: Partial<OfferedRun>, lease: FakeLease) {
    this.id = fields.run_id ?? `run_${randomBytes(6).toString("hex")}`;
    this.lease = lease;
    this.offer = makeOffer(this.id, fields);
  }

  /** The next attempt of the same run; the one before hears 409 from now on. */
  requeue(): void {
    this.offer = { ...this.offer, attempt: this.offer.attempt + 1, lease_token: makeToken() };
    this.state = "pending";
    this.incarnation = null;
  }

  check(token: string | undefined, attempt: number): void {
    if (this.refusal !== null) throw new ParallaxError(this.refusal, "refused by the test");
    if (attempt !== this.offer.attempt) throw new ParallaxError("attempt_superseded", "a newer attempt was claimed");
    if (token !== this.offer.lease_token)
      throw new ParallaxError("lease_token_invalid", "not the token of this attempt");
  }

  start(token: string | undefined, attempt: number): object {
    this.check(token, attempt);
    if (this.state === "pending") throw new ParallaxError("offer_lapsed", "the offer lapsed");
    if (this.state === "claimed") this.state = "running";
    return { ok: true, lease_ttl_ms: this.lease.lease_ttl_ms, renew_every_ms: this.lease.renew_every_ms };
  }

  hello(body: unknown): object {
    const { incarnation } = parse(helloSchema, body);
    if (this.state !== "running") throw new ParallaxError("offer_lapsed", "hello before started");
    this.incarnation ??= incarnation;
    this.#sameSupervisor(incarnation);
    return this.leaseAnswer();
  }

  takeFrames(body: unknown): object {
    const batch = parse(framesSchema, body);
    this.#sameSupervisor(batch.incarnation);
    for (const frame of batch.frames) {
      const expected = this.frames.length + 1;
      if (frame.frame > expected) throw new ParallaxError("frame_gap", "gap", { details: { next_frame: expected } });
      if (frame.frame === expected) this.frames.push(frame);
    }
    this.acknowledged.push(...(batch.acknowledged_directives ?? []));
    return { ...this.leaseAnswer(), next_frame: this.frames.length + 1 };
  }

  leaseAnswer(): object {
    const directives = this.directives.filter(({ seq }) => !this.acknowledged.includes(seq));
    return { ok: true, ...this.lease, stop: this.stop, directives };
  }

  bind(body: unknown): object {
    const { incarnation, executor_session_id } = parse(bindSchema, body);
    this.#sameSupervisor(incarnation);
    this.bound.push(executor_session_id);
    return { ok: true };
  }

  take(body: unknown): object {
    const { incarnation, items } = parse(takenSchema, body);
    this.#sameSupervisor(incarnation);
    this.taken.push(...items);
    return { ok: true };
  }

  complete(body: unknown): object {
    const completion = parse(completionSchema, body);
    this.#sameSupervisor(completion.incarnation);
    const [first] = this.completions;
    if (first !== undefined && JSON.stringify(first) !== JSON.stringify(completion)) {
      throw new ParallaxError("run_terminal", "the run has ended otherwise");
    }
    this.completions.push(completion);
    this.state = "completed";
    return { ok: true, run_status: "completed" };
  }

  #sameSupervisor(incarnation: string): void {
    if (this.incarnation !== incarnation)
      throw new ParallaxError("supervisor_superseded", "another supervisor holds this attempt");
  }
}

export function parse<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const result = schema.safeParse(body);
  if (!result.success) throw new ParallaxError("invalid_request", result.error.message);
  return result.data;
}

function makeToken(): string {
  return `lt1.test.${randomBytes(16).toString("hex")}`;
}

function makeOffer(id: string, fields: Partial<OfferedRun>): OfferedRun {
  return {
    run_id: id,
    session_id: `ses_${id.slice(4)}`,
    type: "start_session",
    agent_name: null,
    parameters: {},
    prompt: "{}",
    project_dir: null,
    parent_session_id: null,
    execution_mode: "async_poll",
    status: "claimed",
    scope: {},
    demands: {},
    resolved_agent_blueprint: null,
    executor: "test",
    executor_config: {},
    executor_session_id: null,
    runtime: "local",
    mode: "headless",
    env: {},
    resources: {},
    items: [],
    attempt: 1,
    lease_token: makeToken(),
    offer_ttl_ms: 15_000,
    ...fields,
  };
}
