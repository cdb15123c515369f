import { z } from "zod";
import { OUTCOMES } from "../outcome.ts";
import { idSchema, jsonObjectSchema, textSchema } from "./common.ts";
import { frameSchema } from "./events.ts";
import { reportErrorSchema } from "./runners.ts";

/**
 * The supervisor's own calls: POST /runner/runs/{run_id}/attempts/{attempt}/…, authenticated by the lease token as bearer.
 * Each names the supervisor's incarnation, bound by its first hello; any other is refused.
 */
export const helloSchema = z.strictObject({
  incarnation: idSchema,
  hostname: textSchema.max(253),
  pid: z.int().optional(),
});

export const directiveSchema = z.object({
  seq: z.int().min(1),
  kind: z.enum(["stop", "interrupt", "message"]),
  reason: z.string().nullable(),
  item_id: z.string().nullable().describe("For message: the inbox item to fetch and put into the live turn."),
});
export type Directive = z.infer<typeof directiveSchema>;

/** Every answer to a supervisor carries the lease and what it should do. Durations only, never clock times. */
export const leaseAnswerSchema = z.object({
  ok: z.literal(true),
  lease_ttl_ms: z.int(),
  freeze_after_ms: z.int(),
  renew_every_ms: z.int(),
  stop: z.object({ reason: z.string() }).nullable().describe("Derived from the run's state: the run is stopping."),
  directives: z.array(directiveSchema),
});
export type LeaseAnswer = z.infer<typeof leaseAnswerSchema>;

/** An empty batch is a plain renewal. */
export const framesSchema = z.strictObject({
  incarnation: idSchema,
  frames: z.array(frameSchema).max(500),
  acknowledged_directives: z.array(z.int()).max(100).optional(),
});
export const framesAnswerSchema = leaseAnswerSchema.extend({
  next_frame: z.int().min(1).describe("First frame the coordinator does not have."),
});

export const directivesQuerySchema = z.object({
  incarnation: idSchema,
  hold_ms: z.coerce.number().int().min(0).max(60_000).optional(),
});

/** State travels in calls of its own, never only in the log: the agent's own session id, and items its agent took. */
export const bindSchema = z.strictObject({ incarnation: idSchema, executor_session_id: textSchema.min(1).max(500) });
export const takenSchema = z.strictObject({ incarnation: idSchema, items: z.array(idSchema).max(10_000) });

export const processExitSchema = z.object({
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  duration_ms: z.number(),
});

export const completionSchema = z.strictObject({
  incarnation: idSchema,
  outcome: z.enum(OUTCOMES),
  result_text: textSchema.nullable(),
  result_data: z.unknown(),
  error: reportErrorSchema.nullable(),
  usage: jsonObjectSchema.nullable(),
  executor_session_id: textSchema.max(500).nullable(),
  items_taken: z.array(idSchema).max(10_000).describe("Everything its agent took, also what was told before."),
  exit: processExitSchema.nullable(),
  last_frame: z.int().min(0).describe("Number of the attempt's last frame; the log is sealed when all have arrived."),
  log_bytes: z.int().min(0),
  log_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe("Hash over the kept frames in order, one canonical JSON line each."),
  capsule: z.null().describe("Manifest of the files that travel; none yet."),
});
export type Completion = z.infer<typeof completionSchema>;
export const completionAnswerSchema = z.object({ ok: z.literal(true), run_status: z.string() });

/** The gateway tells that it has written a waiting call's result to the agent: its items are consumed. */
export const callDeliveredSchema = z.strictObject({ incarnation: idSchema, call: z.int().min(1) });

/** Header by which the gateway numbers the agent's calls, so that a repeat after a lost answer is the same call. */
export const CALL_HEADER = "x-parallax-call";
export const INCARNATION_HEADER = "x-parallax-incarnation";
