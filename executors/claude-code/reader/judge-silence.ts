/** Judges a process that ended without a result, mostly because it refused to begin or was killed. */
import type { ProcessExit } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Verdict } from "./judge-ending.ts";

export function judgeSilence(evidence: Evidence, exit: ProcessExit, stopRequested: boolean): Verdict {
  const tail = [evidence.stderrTail, evidence.stdoutTail].join("").trim();
  const complaint = judgeComplaint(tail);
  if (complaint !== null) return complaint;
  if (stopRequested) return { outcome: "stopped", error: null };
  const how = exit.signal === null ? `with exit code ${exit.exitCode}` : `by ${exit.signal}`;
  const lastLine = tail.split("\n").at(-1) ?? "";
  return {
    outcome: "agent_error",
    error: {
      code: "agent_ended_without_result",
      message: `Claude Code ended ${how} without a result${lastLine === "" ? "" : `: ${lastLine}`}`,
      details: {
        exit_code: exit.exitCode,
        signal: exit.signal,
        ...(tail === "" ? {} : { output_tail: tail }),
      },
    },
  };
}

/** Complaints of the CLI that have a better name than the failure they cause. */
export function judgeComplaint(text: string): Verdict | null {
  if (/No conversation found with session ID/i.test(text)) {
    return {
      outcome: "agent_error",
      error: {
        code: "agent_session_missing",
        message: "Claude Code has no conversation with this id here",
        hint: "The conversation is a file in the home of the user and on the host where the session ran last; run it there, or start a new session.",
      },
    };
  }
  if (/Session ID \S+ is already in use/i.test(text)) {
    return {
      outcome: "agent_error",
      error: {
        code: "agent_failed",
        message: "Claude Code already has a conversation with this id, but its file was not where it should be",
        hint: "Set CLAUDE_CONFIG_DIR for the runner if Claude Code keeps its files elsewhere, then retry the run.",
      },
    };
  }
  if (/cannot be used with root\/sudo privileges/i.test(text)) {
    return {
      outcome: "executor_error",
      error: {
        code: "executor_config_invalid",
        message: "Claude Code refuses to bypass permissions as root",
        hint: "Run the runner as another user, or set IS_SANDBOX=1 in the run's env if this machine may be harmed.",
      },
    };
  }
  return null;
}
