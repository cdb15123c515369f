import type { mcpServerSchema } from "@parallax/shared/protocol/blueprints";
import type { Demands } from "@parallax/shared/protocol/runs";
import type { z } from "zod";
import type {
  attempts,
  blueprints,
  directives,
  duties,
  events,
  inboxItems,
  lanes,
  runners,
  runs,
  sessions,
} from "./schema.ts";

/** What a run demands of a runner, complete: the executor and the runtime are demands too. */
export interface StoredDemands extends Demands {
  readonly executor?: string | undefined;
  readonly runtime?: string | undefined;
}

/** A blueprint as it was when the run was made, placeholders filled but for those the runner fills. */
export interface StoredBlueprint {
  readonly name: string;
  readonly system_prompt: string | null;
  readonly mcp_servers: Record<string, z.infer<typeof mcpServerSchema>>;
}

export interface RunErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: Record<string, unknown> | undefined;
}

export type RunRecord = typeof runs.$inferSelect;
export type NewRun = typeof runs.$inferInsert;
export type SessionRecord = typeof sessions.$inferSelect;
export type NewSession = typeof sessions.$inferInsert;
export type AttemptRecord = typeof attempts.$inferSelect;
export type LaneRecord = typeof lanes.$inferSelect;
export type RunnerRecord = typeof runners.$inferSelect;
export type BlueprintRecord = typeof blueprints.$inferSelect;
export type ItemRecord = typeof inboxItems.$inferSelect;
export type NewItem = typeof inboxItems.$inferInsert;
export type DutyRecord = typeof duties.$inferSelect;
export type DirectiveRecord = typeof directives.$inferSelect;
export type EventRecord = typeof events.$inferSelect;
