import { z } from "zod";

/** What adapters map to; `output` is raw bytes of the agent as text. The last event of a run is `log_sealed`. */
export const EVENT_TYPES = [
  "session_bound",
  "message",
  "message_delta",
  "thinking",
  "tool_call",
  "tool_result",
  "file_change",
  "plan",
  "usage",
  "request_opened",
  "request_resolved",
  "status",
  "limit",
  "error",
  "result",
  "output",
  "output_truncated",
  "log_cut",
  "log_sealed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const eventTypeSchema = z
  .enum(EVENT_TYPES)
  .describe("What kind of event this is; readers skip kinds they do not know.");

/** One event of a run's gap-free sequence. */
export const runEventSchema = z.object({
  seq: z.int().min(1).describe("Position in the run's sequence, from 1, without gaps."),
  run_id: z.string(),
  session_id: z.string(),
  attempt: z.int().min(0).describe("The attempt that wrote it; 0 for the coordinator's own events."),
  type: eventTypeSchema,
  at: z.string().describe("When the supervisor saw it, ISO 8601, its clock."),
  data: z.record(z.string(), z.unknown()),
});
export type RunEvent = z.infer<typeof runEventSchema>;

export const runEventsPageSchema = z.object({
  events: z.array(runEventSchema),
  next_after: z.int().min(0).describe("Pass as `after` to read on."),
  sealed: z.boolean().describe("True when the sequence is complete and this page reaches its end."),
});

/** A frame as a supervisor sends it: numbered per attempt, without gaps, from 1. */
export const frameSchema = z.strictObject({
  frame: z.int().min(1),
  type: eventTypeSchema,
  at: z.string().max(40),
  data: z.record(z.string(), z.unknown()),
});
export type Frame = z.infer<typeof frameSchema>;
