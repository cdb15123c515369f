import { z } from "zod";
import { OUTCOMES } from "../outcome.ts";
import { RUN_STATES } from "../run-state.ts";
import {
  cursorQueryShape,
  idSchema,
  jsonObjectSchema,
  nameSchema,
  nullableTimestampSchema,
  pathSchema,
  textSchema,
  timestampSchema,
} from "./common.ts";

export const runtimeSchema = z.enum(["local", "docker", "kubernetes"]);
export const executionModeSchema = z.enum(["sync", "async_poll", "async_callback"]);
export type ExecutionMode = z.infer<typeof executionModeSchema>;
export const onLostSchema = z.enum(["resume", "restart", "fail"]);
export const joinSchema = z.enum(["each", "all"]);

/** What a runner must have before it may take the run. A runner must have all demanded tags. */
export const demandsSchema = z.strictObject({
  hostname: textSchema.min(1).max(253).optional(),
  project_dir: pathSchema.optional(),
  executor_type: nameSchema.optional().describe("Name of the executor; same as the run's `executor`."),
  executor_profile: nameSchema.optional(),
  tags: z.array(nameSchema).max(32).optional(),
});
export type Demands = z.infer<typeof demandsSchema>;

export const resourcesSchema = z.strictObject({
  cpu: z.number().positive().max(1024).optional().describe("Cores. Docker and Kubernetes only."),
  memory: z
    .string()
    .regex(/^\d+(Ki|Mi|Gi)?$/)
    .optional()
    .describe("Bytes, or with Ki Mi Gi. Docker and Kubernetes only."),
  pids: z.int().min(1).max(1_000_000).optional().describe("Processes. Docker and Kubernetes only."),
  timeout_seconds: z
    .number()
    .positive()
    .max(31_536_000)
    .optional()
    .describe("Wall time of one attempt's agent; then outcome `timeout`."),
  idle_timeout_seconds: z
    .number()
    .positive()
    .max(31_536_000)
    .optional()
    .describe("Longest silence of the agent; then outcome `idle_timeout`."),
});

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const envSchema = z
  .record(z.string().regex(ENV_NAME, "not a variable name"), textSchema.max(32_768))
  .refine((env) => Object.keys(env).length <= 200, "at most 200 variables");

export const createRunSchema = z
  .strictObject({
    type: z.enum(["start_session", "resume_session"]),
    prompt: textSchema.min(1).optional().describe("What the agent is asked. Same as parameters.prompt."),
    parameters: jsonObjectSchema
      .optional()
      .describe("The blueprint's parameters; without a schema of its own exactly {prompt}."),
    session_id: idSchema.optional().describe("Chosen by the client on start (unique per project); required on resume."),
    agent_name: nameSchema.optional().describe("Blueprint; unknown or inactive ones are refused."),
    executor: nameSchema
      .optional()
      .describe(
        "Which agent: claude-code, test, … Default: the blueprint's, else claude-code; children inherit their parent's.",
      ),
    executor_config: jsonObjectSchema
      .optional()
      .describe('Settings of the executor, e.g. {"permission_mode": "acceptEdits"}; its README lists them.'),
    runtime: runtimeSchema.optional().describe("Where it runs. Default local; children inherit."),
    mode: z.enum(["headless", "interactive"]).optional().describe("Default headless."),
    project_dir: pathSchema.optional().describe("Working directory on the runner's host. Default: the runner's."),
    workspace: z.enum(["shared", "worktree"]).optional().describe("shared: project_dir as it is (default)."),
    portable: z
      .boolean()
      .optional()
      .describe("The session may resume on another host although its files do not travel."),
    parent_session_id: idSchema.optional(),
    execution_mode: executionModeSchema
      .optional()
      .describe("What the parent is owed: nothing (async_poll), or a resume with the result (async_callback)."),
    callback: z.boolean().optional().describe("true is the earlier spelling of execution_mode async_callback."),
    join: joinSchema.optional().describe("When this run's children wake its session: each (default) or all together."),
    additional_demands: demandsSchema.optional(),
    priority: z.int().min(1).max(5).optional().describe("1 first, 5 last, default 3."),
    labels: z
      .record(nameSchema, textSchema.max(200))
      .refine((labels) => Object.keys(labels).length <= 32, "at most 32 labels")
      .optional()
      .describe("For finding and limiting; not demands."),
    env: envSchema.optional().describe("Variables of the agent's process. Not for secrets."),
    secrets: z.record(z.string().regex(ENV_NAME), textSchema.max(32_768)).optional(),
    resources: resourcesSchema.optional(),
    image: textSchema.max(500).optional().describe("Container image. Docker and Kubernetes only."),
    on_lost: onLostSchema
      .optional()
      .describe(
        "When the lease is lost: resume from the last checkpoint (default), restart from the beginning, or fail.",
      ),
    not_before: z.iso.datetime({ offset: true }).optional(),
    expires_in_seconds: z
      .number()
      .positive()
      .max(31_536_000)
      .optional()
      .describe("Queue time until the first start, default 86400."),
    scope: jsonObjectSchema
      .optional()
      .describe("Values for ${scope.*}; inherited by children, never shown to the agent by itself."),
  })
  .superRefine((run, context) => {
    if (run.callback === true && run.execution_mode !== undefined && run.execution_mode !== "async_callback") {
      context.addIssue({ code: "custom", path: ["callback"], message: "contradicts execution_mode" });
    }
    if (
      run.prompt !== undefined &&
      run.parameters !== undefined &&
      run.parameters["prompt"] !== undefined &&
      run.parameters["prompt"] !== run.prompt
    ) {
      context.addIssue({ code: "custom", path: ["prompt"], message: "contradicts parameters.prompt" });
    }
  });
export type CreateRun = z.infer<typeof createRunSchema>;

export const createdRunSchema = z.object({
  run_id: z.string(),
  session_id: z.string(),
  status: z.enum(RUN_STATES),
});
export type CreatedRun = z.infer<typeof createdRunSchema>;

export const runErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  details: jsonObjectSchema.optional(),
});

/** Public view of a run. The seven states are `status`; everything finer is a field of its own. */
export const runSchema = z.object({
  run_id: z.string(),
  session_id: z.string(),
  project: z.string(),
  type: z.enum(["start_session", "resume_session"]),
  status: z.enum(RUN_STATES),
  outcome: z.enum(OUTCOMES).nullable(),
  phase: z
    .enum(["preparing", "supervised"])
    .nullable()
    .describe("While running: before or after the supervisor took over."),
  suspect: z.boolean().describe("True while no renewal was heard for 30 s."),
  waiting_for: z.string().nullable().describe("Why a pending run is not ready."),
  agent_name: z.string().nullable(),
  executor: z.string(),
  runtime: runtimeSchema,
  mode: z.enum(["headless", "interactive"]),
  project_dir: z.string().nullable(),
  parameters: jsonObjectSchema,
  prompt: z.string().nullable(),
  parent_session_id: z.string().nullable(),
  parent_run_id: z.string().nullable(),
  execution_mode: executionModeSchema,
  join: joinSchema,
  origin: z
    .enum(["request", "callback", "retry", "agent"])
    .describe("Who made it: a request, the coordinator for a callback, a retry, or an agent through MCP."),
  retry_of_run_id: z.string().nullable(),
  priority: z.int(),
  labels: z.record(z.string(), z.string()),
  demands: demandsSchema,
  attempt: z.int().describe("Claims so far; the fencing number."),
  deliveries: z.int().describe("Starts so far."),
  offers: z.int().describe("Claims that were never started."),
  runner_id: z.string().nullable(),
  error: runErrorSchema.nullable(),
  result_text: z.string().nullable(),
  result_data: z.unknown(),
  usage: jsonObjectSchema.nullable(),
  created_at: timestampSchema,
  claimed_at: nullableTimestampSchema,
  started_at: nullableTimestampSchema,
  completed_at: nullableTimestampSchema,
  timeout_at: nullableTimestampSchema.describe("When it expires if nobody has started it."),
});
export type Run = z.infer<typeof runSchema>;

export const runsPageSchema = z.object({ runs: z.array(runSchema), next_cursor: z.string().nullable() });

export const listRunsQuerySchema = z.object({
  status: z.enum(RUN_STATES).optional(),
  session_id: idSchema.optional(),
  label: z.string().max(300).optional().describe("name or name=value"),
  ...cursorQueryShape,
});

export const explainSchema = z.object({
  run_id: z.string(),
  status: z.enum(RUN_STATES),
  sentence: z.string().describe("Why the run is where it is, for a person."),
  cause: z.string().describe("The same as a stable word."),
  facts: jsonObjectSchema,
});

export const stopRunSchema = z.strictObject({
  cascade: z.boolean().optional().describe("Stop the children too, default true."),
  reason: textSchema.max(500).optional(),
});
export const stopAnswerSchema = z.object({
  ok: z.literal(true),
  run_id: z.string().nullable(),
  session_id: z.string(),
  status: z.string().describe("The run's state after this call."),
  stopped_runs: z.array(z.string()).describe("Runs that this call stopped or began to stop."),
});

export const eventsQuerySchema = z.object({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .describe("Return events with a higher seq; default 0."),
  limit: z.coerce.number().int().min(1).max(1000).optional().describe("Default 500."),
});
