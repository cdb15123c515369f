/** A change of a run as a line of the story. */
import { toOneLine } from "../terminal/strip-controls.ts";
import { LEAD_SESSION } from "./demo-agents.ts";
import type { Story } from "./story.ts";
import type { RunChange } from "./watch-tree.ts";

export function tellChange(story: Story, runners: ReadonlyMap<string, string>): (change: RunChange) => void {
  return ({ session, run, status }) => {
    const name = toOneLine(session.agent_name ?? session.session_id);
    const isLead = session.session_id === LEAD_SESSION;
    const where = run.runner_id === null ? undefined : `on ${runners.get(run.runner_id) ?? toOneLine(run.runner_id)}`;
    switch (status) {
      case "running":
        if (isLead && run.type === "resume_session")
          return story.tell("▶", "magenta", `${name} is resumed with all results`, where);
        return story.tell("▶", isLead ? "magenta" : "cyan", `${name} works`, where);
      case "completed":
        if (isLead && run.type === "start_session") {
          return story.tell(
            "…",
            "magenta",
            `${name} has ended its turn`,
            "it waits without a process and without a slot",
          );
        }
        return story.tell("✔", isLead ? "magenta" : "green", `${name}: ${toOneLine(run.result_text ?? "")}`);
      case "failed":
      case "stopped":
        return story.tell("✘", "red", `${name} ${status}: ${toOneLine(String(run.error?.message ?? run.outcome))}`);
      default:
        return undefined; // queued and handed out: too quick to be told
    }
  };
}
