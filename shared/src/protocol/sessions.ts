import { z } from "zod";
import { INBOX_STATES } from "../inbox-state.ts";
import { SESSION_STATES } from "../session-state.ts";
import { cursorQueryShape, jsonObjectSchema, nullableTimestampSchema, textSchema, timestampSchema } from "./common.ts";
import { runtimeSchema } from "./runs.ts";

export const sessionSchema = z.object({
  session_id: z.string(),
  project: z.string(),
  status: z.enum(SESSION_STATES),
  settled: z.boolean().describe("Its newest run is terminal and nothing is awaited."),
  held: z.boolean().describe("Its inbox is held: items are recorded, nothing resumes until released or resumed."),
  agent_name: z.string().nullable(),
  executor: z.string(),
  runtime: runtimeSchema,
  project_dir: z.string().nullable(),
  parent_session_id: z.string().nullable(),
  root_session_id: z.string(),
  depth: z.int(),
  executor_session_id: z.string().nullable(),
  executor_profile: z.string().nullable(),
  hostname: z.string().nullable().describe("Where its newest files are."),
  created_at: timestampSchema,
  last_resumed_at: nullableTimestampSchema,
  last_activity_at: timestampSchema,
});
export type Session = z.infer<typeof sessionSchema>;

export const sessionsPageSchema = z.object({ sessions: z.array(sessionSchema), next_cursor: z.string().nullable() });
export const listSessionsQuerySchema = z.object({
  status: z.enum(SESSION_STATES).optional(),
  parent_session_id: z.string().max(100).optional(),
  ...cursorQueryShape,
});

export const sessionResultSchema = z.object({
  result_text: z.string().nullable(),
  result_data: z.unknown(),
  run_id: z.string(),
  status: z.string(),
  outcome: z.string().nullable(),
});

export const treeNodeSchema = z.object({
  session_id: z.string(),
  parent_session_id: z.string().nullable(),
  status: z.enum(SESSION_STATES),
  settled: z.boolean(),
  agent_name: z.string().nullable(),
  executor: z.string(),
  hostname: z.string().nullable(),
  created_at: timestampSchema,
  open_wake_ups: z.int().describe("Items not yet consumed plus duties of children not yet paid."),
  runs: z.array(
    z.object({
      run_id: z.string(),
      type: z.string(),
      status: z.string(),
      outcome: z.string().nullable(),
      attempt: z.int(),
      runner_id: z.string().nullable(),
      created_at: timestampSchema,
      started_at: nullableTimestampSchema,
      completed_at: nullableTimestampSchema,
      result_text: z.string().nullable().describe("Cut to 2,000 characters."),
      error: jsonObjectSchema.nullable(),
    }),
  ),
});
export type TreeNode = z.infer<typeof treeNodeSchema>;
export const treeSchema = z.object({
  root_session_id: z.string(),
  sessions: z.array(treeNodeSchema).describe("Parents before children."),
});

export const inboxItemSchema = z.object({
  item_id: z.string(),
  session_id: z.string(),
  kind: z.enum(["child_done", "message", "answer", "limit_reset", "timer"]),
  status: z.enum(INBOX_STATES),
  held: z.boolean(),
  child_session_id: z.string().nullable(),
  run_id: z.string().nullable().describe("The run it is assigned to."),
  attempt: z.int().nullable(),
  deliveries: z.int(),
  payload: jsonObjectSchema,
  created_at: timestampSchema,
  consumed_at: nullableTimestampSchema,
});
export type InboxItem = z.infer<typeof inboxItemSchema>;
export const dutySchema = z.object({
  parent_session_id: z.string(),
  child_session_id: z.string(),
  origin_run_id: z.string(),
  status: z.enum(["owed", "paid"]),
  created_at: timestampSchema,
  paid_at: nullableTimestampSchema,
});
export const inboxSchema = z.object({
  items: z.array(inboxItemSchema),
  awaited: z.array(dutySchema).describe("Children that still owe this session a report."),
});

export const sendMessageSchema = z.strictObject({
  message: textSchema.min(1),
  if_busy: z
    .enum(["steer", "queue", "reject"])
    .optional()
    .describe(
      "When a run is active: into the live turn where the executor can, else the inbox (queue, default), or 409.",
    ),
});
export const sentMessageSchema = z.object({
  item_id: z.string(),
  session_id: z.string(),
  run_id: z.string().nullable(),
  status: z.string(),
});

/** The seeds' clients read a plain 200 for every id here. */
export const sessionStatusSchema = z.object({ status: z.string() });
