/**
 * The lines that the adapter and its agent program exchange: NDJSON in both directions.
 * stdin: one `AgentTask` first, then any number of `AgentNudge`s. stdout: `AgentLine`s, between any other output.
 */
import type { McpServerConfig } from "@parallax/shared/executor/adapter";

export interface AgentTask {
  readonly run_id: string;
  readonly session_id: string;
  readonly attempt: number;
  readonly mode: "start" | "resume";
  /** The agent's own id of the conversation, when one is bound. */
  readonly conversation_id: string | null;
  readonly prompt: string;
  readonly system_prompt: string | null;
  readonly mcp_servers: Readonly<Record<string, McpServerConfig>>;
}

export type AgentNudge = { readonly interrupt: true } | { readonly message: string };

export type TurnOutcome = "completed" | "completed_with_denials" | "refused" | "interrupted";

export type AgentLine =
  | { readonly type: "conversation"; readonly conversation_id: string; readonly turn: number }
  | { readonly type: "prompt_taken" }
  | { readonly type: "message"; readonly text: string }
  | { readonly type: "steered"; readonly text: string }
  | { readonly type: "tool_call"; readonly id: string; readonly name: string; readonly input: unknown }
  | {
      readonly type: "tool_result";
      readonly id: string;
      readonly name: string;
      readonly text: string;
      readonly is_error: boolean;
      readonly denied: boolean;
    }
  | { readonly type: "usage"; readonly usage: Readonly<Record<string, unknown>> }
  | { readonly type: "status"; readonly text: string; readonly facts: Readonly<Record<string, unknown>> }
  /** Keeps whoever reads it busy for that long, as a line does for which a reader was not made. */
  | { readonly type: "hard_to_read"; readonly duration_ms: number }
  | { readonly type: "error"; readonly reason: AgentErrorReason; readonly message: string }
  | {
      readonly type: "result";
      readonly outcome: TurnOutcome;
      readonly text: string | null;
      readonly data: unknown;
      readonly usage: Readonly<Record<string, unknown>> | null;
      readonly denied: readonly string[];
    };

/** failed: the script said so, or a step could not be done. */
export type AgentErrorReason = "failed" | "conversation_missing" | "conversation_in_use" | "bad_task";

/** Every line of ours carries this, so that output which merely looks like JSON is never taken for it. */
export const LINE_MARK = "parallax-test-agent";
