/**
 * The tables as the query builder sees them. The migrations are the source; `schema.int.test.ts` compares both.
 */

import type { InboxState } from "@parallax/shared/inbox-state";
import type { Outcome } from "@parallax/shared/outcome";
import type { mcpServerSchema } from "@parallax/shared/protocol/blueprints";
import type { MissingExecutor } from "@parallax/shared/protocol/runners";
import type {
  executionModeSchema,
  joinSchema,
  onLostSchema,
  resourcesSchema,
  runtimeSchema,
} from "@parallax/shared/protocol/runs";
import type { RunState } from "@parallax/shared/run-state";
import type { SessionState } from "@parallax/shared/session-state";
import {
  bigint,
  boolean,
  customType,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
} from "drizzle-orm/pg-core";
import type { z } from "zod";
import type { RunErrorRecord, StoredBlueprint, StoredDemands } from "./records.ts";

type Json = Record<string, unknown>;
type Runtime = z.infer<typeof runtimeSchema>;

const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

export const serverKeys = pgTable("server_keys", {
  id: text().primaryKey(),
  secret: bytea().notNull(),
  createdAt: time("created_at").notNull().defaultNow(),
  retiredAt: time("retired_at"),
});

export const blueprints = pgTable(
  "blueprints",
  {
    projectId: text("project_id").notNull(),
    name: text().notNull(),
    description: text().notNull().default(""),
    status: text().$type<"active" | "inactive">().notNull().default("active"),
    systemPrompt: text("system_prompt"),
    mcpServers: jsonb("mcp_servers").$type<Record<string, z.infer<typeof mcpServerSchema>>>().notNull().default({}),
    executor: text(),
    executorConfig: jsonb("executor_config").$type<Json>().notNull().default({}),
    runtime: text().$type<Runtime>(),
    parametersSchema: jsonb("parameters_schema").$type<Json>(),
    tags: jsonb().$type<string[]>().notNull().default([]),
    demands: jsonb().$type<StoredDemands>().notNull().default({}),
    createdAt: time("created_at").notNull().defaultNow(),
    modifiedAt: time("modified_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.name] })],
);

export const trees = pgTable(
  "trees",
  {
    projectId: text("project_id").notNull(),
    id: text().notNull(),
    runsTotal: integer("runs_total").notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.id] })],
);

export const sessions = pgTable(
  "sessions",
  {
    projectId: text("project_id").notNull(),
    id: text().notNull(),
    number: bigint({ mode: "number" }).generatedAlwaysAsIdentity().notNull(),
    state: text().$type<SessionState>().notNull().default("pending"),
    parentSessionId: text("parent_session_id"),
    rootSessionId: text("root_session_id").notNull(),
    depth: integer().notNull().default(0),
    agentName: text("agent_name"),
    executor: text().notNull(),
    runtime: text().$type<Runtime>().notNull(),
    projectDir: text("project_dir"),
    executorSessionId: text("executor_session_id"),
    executorProfile: text("executor_profile"),
    hostname: text(),
    lastRunnerId: text("last_runner_id"),
    held: boolean().notNull().default(false),
    settledAt: time("settled_at"),
    occupiedUntil: time("occupied_until"),
    createdAt: time("created_at").notNull().defaultNow(),
    lastResumedAt: time("last_resumed_at"),
    lastActivityAt: time("last_activity_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.id] })],
);

export const lanes = pgTable("lanes", {
  id: text().primaryKey(),
  projectId: text("project_id").notNull(),
  key: text().notNull(),
  demands: jsonb().$type<StoredDemands>().notNull(),
  createdAt: time("created_at").notNull().defaultNow(),
});

export const runners = pgTable("runners", {
  id: text().primaryKey(),
  projectId: text("project_id").notNull(),
  instanceId: text("instance_id"),
  hostname: text().notNull(),
  projectDir: text("project_dir").notNull(),
  executorProfile: text("executor_profile"),
  executor: jsonb().$type<Json>(),
  executors: jsonb().$type<Record<string, { version: string }>>().notNull().default({}),
  missingExecutors: jsonb("missing_executors").$type<Record<string, MissingExecutor>>().notNull().default({}),
  runtimes: jsonb().$type<Runtime[]>().notNull().default(["local"]),
  tags: jsonb().$type<string[]>().notNull().default([]),
  requireMatchingTags: boolean("require_matching_tags").notNull().default(false),
  slots: integer().notNull().default(1),
  version: text(),
  state: text().$type<"online" | "draining" | "deregistering">().notNull().default("online"),
  notReadyReason: text("not_ready_reason"),
  heartbeatSeq: bigint("heartbeat_seq", { mode: "number" }).notNull().default(0),
  maxRuns: integer("max_runs"),
  runsStarted: integer("runs_started").notNull().default(0),
  registeredAt: time("registered_at").notNull().defaultNow(),
  lastHeartbeatAt: time("last_heartbeat_at").notNull().defaultNow(),
});

export const runs = pgTable("runs", {
  id: text().primaryKey(),
  projectId: text("project_id").notNull(),
  sessionId: text("session_id").notNull(),
  treeId: text("tree_id").notNull(),
  number: bigint({ mode: "number" }).generatedAlwaysAsIdentity().notNull(),
  type: text().$type<"start_session" | "resume_session">().notNull(),
  origin: text().$type<"request" | "callback" | "retry" | "agent">().notNull(),
  state: text().$type<RunState>().notNull().default("pending"),
  phase: text().$type<"preparing" | "supervised">(),
  ready: boolean().notNull().default(false),
  waitingFor: text("waiting_for"),
  laneId: text("lane_id").notNull(),
  priority: smallint().notNull().default(3),
  agentName: text("agent_name"),
  executor: text().notNull(),
  executorConfig: jsonb("executor_config").$type<Json>().notNull().default({}),
  runtime: text().$type<Runtime>().notNull(),
  mode: text().$type<"headless" | "interactive">().notNull(),
  projectDir: text("project_dir"),
  portable: boolean().notNull().default(false),
  prompt: text(),
  parameters: jsonb().$type<Json>().notNull().default({}),
  blueprint: jsonb().$type<StoredBlueprint>(),
  env: jsonb().$type<Record<string, string>>().notNull().default({}),
  resources: jsonb().$type<z.infer<typeof resourcesSchema>>().notNull().default({}),
  scope: jsonb().$type<Json>().notNull().default({}),
  demands: jsonb().$type<StoredDemands>().notNull().default({}),
  labels: jsonb().$type<Record<string, string>>().notNull().default({}),
  parentSessionId: text("parent_session_id"),
  parentRunId: text("parent_run_id"),
  executionMode: text("execution_mode").$type<z.infer<typeof executionModeSchema>>().notNull(),
  joinPolicy: text("join_policy").$type<z.infer<typeof joinSchema>>().notNull().default("each"),
  retryOfRunId: text("retry_of_run_id"),
  onLost: text("on_lost").$type<z.infer<typeof onLostSchema>>().notNull(),
  attempt: integer().notNull().default(0),
  deliveries: integer().notNull().default(0),
  offers: integer().notNull().default(0),
  runnerId: text("runner_id"),
  instanceId: text("instance_id"),
  claimId: text("claim_id"),
  pollId: text("poll_id"),
  incarnation: text(),
  plain: boolean().notNull().default(false),
  leaseExpiresAt: time("lease_expires_at"),
  renewedAt: time("renewed_at"),
  notBefore: time("not_before"),
  offerAfter: time("offer_after"),
  queueExpiresAt: time("queue_expires_at"),
  stopRequestedAt: time("stop_requested_at"),
  stopReason: text("stop_reason"),
  stopToldAt: time("stop_told_at"),
  outcome: text().$type<Outcome>(),
  error: jsonb().$type<RunErrorRecord>(),
  resultText: text("result_text"),
  resultData: jsonb("result_data").$type<unknown>(),
  usage: jsonb().$type<Json>(),
  exit: jsonb().$type<Json>(),
  createdAt: time("created_at").notNull().defaultNow(),
  claimedAt: time("claimed_at"),
  startedAt: time("started_at"),
  finishedAt: time("finished_at"),
});

export const attempts = pgTable(
  "attempts",
  {
    runId: text("run_id").notNull(),
    attempt: integer().notNull(),
    runnerId: text("runner_id").notNull(),
    instanceId: text("instance_id"),
    claimId: text("claim_id").notNull(),
    pollId: text("poll_id"),
    incarnation: text(),
    hostname: text(),
    claimedAt: time("claimed_at").notNull().defaultNow(),
    startedAt: time("started_at"),
    supervisedAt: time("supervised_at"),
    endedAt: time("ended_at"),
    endReason: text("end_reason").$type<
      "lapsed" | "withdrawn" | "lost" | "completed" | "failed" | "stopped" | "given_up"
    >(),
    nextFrame: integer("next_frame").notNull().default(1),
    lastFrame: integer("last_frame"),
    logBytes: bigint("log_bytes", { mode: "number" }),
    logSha256: text("log_sha256"),
    logState: text("log_state").$type<"open" | "sealed" | "cut" | "incomplete">().notNull().default("open"),
    endHash: text("end_hash"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.attempt] })],
);

export const streams = pgTable("streams", {
  runId: text("run_id").primaryKey(),
  lastSeq: integer("last_seq").notNull().default(0),
  sealedAt: time("sealed_at"),
});

export const events = pgTable(
  "events",
  {
    runId: text("run_id").notNull(),
    seq: integer().notNull(),
    attempt: integer().notNull(),
    frame: integer(),
    type: text().notNull(),
    at: text().notNull(),
    data: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.seq] })],
);

export const duties = pgTable("duties", {
  id: text().primaryKey(),
  projectId: text("project_id").notNull(),
  parentSessionId: text("parent_session_id").notNull(),
  parentRunId: text("parent_run_id"),
  childSessionId: text("child_session_id").notNull(),
  originRunId: text("origin_run_id").notNull(),
  state: text().$type<"owed" | "paid">().notNull().default("owed"),
  createdAt: time("created_at").notNull().defaultNow(),
  paidAt: time("paid_at"),
});

export const inboxItems = pgTable("inbox_items", {
  id: text().primaryKey(),
  number: bigint({ mode: "number" }).generatedAlwaysAsIdentity().notNull(),
  projectId: text("project_id").notNull(),
  sessionId: text("session_id").notNull(),
  kind: text().$type<"child_done" | "message" | "answer" | "limit_reset" | "timer">().notNull(),
  state: text().$type<InboxState>().notNull().default("new"),
  dutyId: text("duty_id"),
  childSessionId: text("child_session_id"),
  groupRunId: text("group_run_id"),
  payload: jsonb().$type<Json>().notNull(),
  runId: text("run_id"),
  attempt: integer(),
  deliveries: integer().notNull().default(0),
  notBefore: time("not_before"),
  reservedBy: text("reserved_by"),
  createdAt: time("created_at").notNull().defaultNow(),
  consumedAt: time("consumed_at"),
});

export const directives = pgTable(
  "directives",
  {
    runId: text("run_id").notNull(),
    attempt: integer().notNull(),
    seq: integer().notNull(),
    kind: text().$type<"stop" | "interrupt" | "message">().notNull(),
    reason: text(),
    itemId: text("item_id"),
    createdAt: time("created_at").notNull().defaultNow(),
    acknowledgedAt: time("acknowledged_at"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.attempt, table.seq] })],
);

export const gatewayCalls = pgTable(
  "gateway_calls",
  {
    runId: text("run_id").notNull(),
    attempt: integer().notNull(),
    call: integer().notNull(),
    tool: text().notNull(),
    answer: jsonb().$type<Json>().notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.attempt, table.call] })],
);

export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    projectId: text("project_id").notNull(),
    key: text().notNull(),
    requestHash: text("request_hash").notNull(),
    answer: jsonb().$type<Json>().notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.key] })],
);
