import { z } from "zod";
import { mcpServerSchema } from "./blueprints.ts";
import { idSchema, jsonObjectSchema, nameSchema, pathSchema, textSchema, timestampSchema } from "./common.ts";
import { envSchema, resourcesSchema, runtimeSchema } from "./runs.ts";

/** Limits of what a runner says about an executor that it cannot serve. */
export const MISSING_TEXT_CHARS_MAX = 1000;
const missingTextSchema = textSchema.max(MISSING_TEXT_CHARS_MAX);
export const missingExecutorSchema = z.object({ reason: missingTextSchema, fix: missingTextSchema });
export type MissingExecutor = z.infer<typeof missingExecutorSchema>;

/** Lenient on purpose: a simple HTTP runner in any language sends what the seeds' runner sent. */
export const registerRunnerSchema = z.object({
  runner_id: idSchema.optional().describe("Ours brings the identity of its state directory."),
  instance_id: idSchema
    .optional()
    .describe("New per process; a new instance of a runner replaces the old one at once."),
  hostname: textSchema.min(1).max(253),
  project_dir: pathSchema,
  executor_profile: nameSchema.optional(),
  executor: z
    .object({ type: z.string().max(200).optional(), command: z.string().max(4096).optional() })
    .catchall(z.unknown())
    .optional(),
  executors: z
    .record(nameSchema, z.object({ version: z.string().max(200) }))
    .optional()
    .describe("Executors whose CLI was found, with versions."),
  missing_executors: z
    .record(nameSchema, missingExecutorSchema)
    .optional()
    .describe(
      "Executors that it knows but cannot serve, with what mends it. `explain` tells it to whoever waits for one.",
    ),
  runtimes: z.array(runtimeSchema).max(3).optional(),
  tags: z.array(nameSchema).max(100).optional(),
  require_matching_tags: z.boolean().optional(),
  labels: z.array(nameSchema).max(100).optional(),
  slots: z.int().min(1).max(10_000).optional(),
  max_runs: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("This instance gets no further offer once so many of its runs were started. Needs an instance_id."),
  version: z.string().max(100).optional(),
});
export type RegisterRunner = z.infer<typeof registerRunnerSchema>;
export const registeredRunnerSchema = z.object({
  runner_id: z.string(),
  poll_endpoint: z.string(),
  poll_timeout_seconds: z.number(),
  heartbeat_interval_seconds: z.number(),
});

export const pollQuerySchema = z.object({
  runner_id: idSchema,
  poll_id: idSchema.optional().describe("A repeated poll gets the same unstarted offers back."),
  instance_id: idSchema.optional(),
  free_slots: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe("Offers wanted at most; 0 is a drain's poll: directives only."),
  run_id: idSchema.optional().describe("Take exactly this run, or nothing."),
  hold_ms: z.coerce.number().int().min(0).max(60_000).optional(),
});

/** One offered run as a runner reads it: the seeds' run object plus the attempt's own fields. */
export const offeredRunSchema = z.object({
  run_id: z.string(),
  session_id: z.string(),
  project_id: z.string().optional().describe("Session ids are unique within it."),
  type: z.enum(["start_session", "resume_session"]),
  agent_name: z.string().nullable(),
  parameters: jsonObjectSchema,
  prompt: z.string(),
  project_dir: z.string().nullable(),
  parent_session_id: z.string().nullable(),
  execution_mode: z.string(),
  status: z.literal("claimed"),
  scope: jsonObjectSchema,
  demands: jsonObjectSchema,
  resolved_agent_blueprint: z
    .object({
      name: z.string(),
      system_prompt: z.string().nullable(),
      mcp_servers: z.record(z.string(), mcpServerSchema),
    })
    .nullable(),
  executor: z.string(),
  executor_config: jsonObjectSchema,
  executor_session_id: z.string().nullable().describe("The agent's own id of the conversation, when one is bound."),
  runtime: runtimeSchema,
  mode: z.enum(["headless", "interactive"]),
  env: envSchema,
  resources: resourcesSchema,
  items: z.array(z.string()).describe("Inbox items that the prompt contains."),
  attempt: z.int().min(1),
  lease_token: z.string(),
  offer_ttl_ms: z.int(),
});
export type OfferedRun = z.infer<typeof offeredRunSchema>;

/** Exactly one key, by priority: deregistered, stop_runs (+ stop_sessions), run / runs. */
export const pollAnswerSchema = z.object({
  deregistered: z.literal(true).optional(),
  stop_runs: z.array(z.string()).optional(),
  stop_sessions: z.array(z.string()).optional(),
  run: offeredRunSchema.optional(),
  runs: z
    .array(offeredRunSchema)
    .optional()
    .describe("All offers when more than one slot was asked for; `run` is the first."),
});
export type PollAnswer = z.infer<typeof pollAnswerSchema>;

const attemptFields = {
  attempt: z.int().min(1).optional(),
  lease_token: z.string().max(500).optional(),
  instance_id: idSchema.optional(),
};
export const startedReportSchema = z.object({ runner_id: idSchema, ...attemptFields });
export const startedAnswerSchema = z.object({ ok: z.literal(true), lease_ttl_ms: z.int(), renew_every_ms: z.int() });

export const reportErrorSchema = z.object({
  code: z.string().max(100),
  message: textSchema.max(65_536),
  hint: textSchema.max(4000).optional(),
  details: jsonObjectSchema.optional(),
});
export const completedReportSchema = z.object({
  runner_id: idSchema,
  ...attemptFields,
  status: z.string().max(50).optional(),
  session_status: z.enum(["idle", "finished"]).optional(),
  result_text: textSchema.optional(),
  result_data: z.unknown().optional(),
});
export const failedReportSchema = z.object({
  runner_id: idSchema,
  ...attemptFields,
  error: z.union([textSchema.max(65_536), reportErrorSchema]).optional(),
  outcome: z.string().max(50).optional(),
});
export const stoppedReportSchema = z.object({
  runner_id: idSchema,
  ...attemptFields,
  signal: z.string().max(50).optional(),
});
/** Our runner: the supervisor of this attempt is dead, its tree is gone, no completion was found. */
export const lostReportSchema = z.object({
  runner_id: idSchema,
  attempt: z.int().min(1),
  lease_token: z.string().max(500),
  instance_id: idSchema,
  reason: textSchema.max(1000),
});

export const heartbeatSchema = z.object({
  runner_id: idSchema,
  instance_id: idSchema.optional(),
  seq: z.int().min(0).optional(),
  /** Attempts still in `preparing`, which the runner itself renews until the supervisor's hello. */
  attempts: z
    .array(z.object({ run_id: idSchema, attempt: z.int().min(1), lease_token: z.string().max(500) }))
    .max(10_000)
    .optional(),
  ready: z.boolean().optional(),
  not_ready_reason: textSchema.max(500).optional(),
});
export const heartbeatAnswerSchema = z.object({
  ok: z.literal(true),
  renewed: z.array(z.string()).optional(),
  refused: z.array(z.object({ run_id: z.string(), attempt: z.int(), code: z.string() })).optional(),
  next_ms: z.int().optional(),
  drain: z.boolean().optional(),
});

export const runnerSchema = z.object({
  runner_id: z.string(),
  hostname: z.string(),
  project_dir: z.string(),
  executor_profile: z.string().nullable(),
  executor: jsonObjectSchema.nullable(),
  executors: z.record(z.string(), z.object({ version: z.string() })),
  runtimes: z.array(z.string()),
  tags: z.array(z.string()),
  require_matching_tags: z.boolean(),
  slots: z.int(),
  active_runs: z.int(),
  version: z.string().nullable(),
  status: z.enum(["online", "draining", "stale"]),
  not_ready_reason: z.string().nullable(),
  registered_at: timestampSchema,
  last_heartbeat: timestampSchema,
  seconds_since_heartbeat: z.number(),
});
export type Runner = z.infer<typeof runnerSchema>;
export const runnersSchema = z.object({ runners: z.array(runnerSchema) });
