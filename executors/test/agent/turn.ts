/** What one turn knows and collects; every step works on this alone. */
import type { AgentLine, AgentTask } from "../wire.ts";
import type { Environment } from "./agent-home.ts";
import type { ToolClient } from "./call-tool.ts";
import type { Conversation } from "./conversation-file.ts";
import type { Lookup } from "./expand-templates.ts";

export interface Turn {
  readonly task: AgentTask;
  readonly conversation: Conversation;
  readonly number: number;
  /** Aborted when the turn is interrupted. */
  readonly signal: AbortSignal;
  readonly write: (line: AgentLine) => void;
  /** Bytes that are none of our lines; resolves when there is room for more. */
  readonly writeRaw: (stream: "stdout" | "stderr", text: string) => Promise<void>;
  readonly tools: (server: string | undefined) => ToolClient;
  readonly steered: string[];
  /** Resolves when something was steered in since the last such wait. */
  readonly waitForSteer: () => Promise<void>;
  readonly ignoreSignals: () => void;
  readonly env: Environment;

  calls: number;
  /** Rounds of the repeats around the current step, innermost last. */
  readonly rounds: number[];
  readonly denied: string[];
  lastSaid: string | null;
  resultText: string | null;
  resultData: unknown;
  usage: Record<string, unknown> | null;
  hangAfterResult: boolean;
}

/** How a step ends the turn before its last step. */
export type TurnEnd =
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "refused"; readonly text: string };

export function lookupIn(turn: Turn): Lookup {
  return (name, key) => {
    switch (name) {
      case "prompt":
        return turn.task.prompt;
      case "system_prompt":
        return turn.task.system_prompt ?? "";
      case "session":
        return turn.task.session_id;
      case "run":
        return turn.task.run_id;
      case "attempt":
        return String(turn.task.attempt);
      case "turn":
        return String(turn.number + 1);
      case "time":
        return String(Date.now());
      case "i":
        return turn.rounds.at(-1)?.toString();
      case "steered":
        return turn.steered.join("\n");
      case "child":
        return key === undefined ? undefined : turn.conversation.children[key];
      case "result":
        return key === undefined ? undefined : turn.conversation.results[key];
      default:
        return undefined;
    }
  };
}
