/** When the demonstration fails: where every run is and why, and the last words of every process. */
import { formatTree } from "../terminal/format-tree.ts";
import type { Io } from "../terminal/io.ts";
import { toOneLine } from "../terminal/strip-controls.ts";
import { formatLogLine } from "../up/format-log-line.ts";
import type { Stage } from "./create-stage.ts";
import { LEAD_SESSION } from "./demo-agents.ts";

export async function tellFailure(io: Io, stage: Stage): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  const client = stage.client();
  try {
    const { sessions } = client === null ? { sessions: [] } : await client.sessions.tree(LEAD_SESSION, { signal });
    for (const line of formatTree(io, sessions)) io.err(line);
    for (const run of sessions.flatMap((session) => session.runs)) {
      const sentence = (await client?.runs.explain(run.run_id, { signal }))?.sentence ?? "";
      io.err(`${run.run_id}: ${toOneLine(sentence)}`);
    }
  } catch (error) {
    io.err(`the tree cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const [name, lines] of stage.lastLines())
    for (const line of lines.slice(-20)) io.err(formatLogLine(io, name, line));
}
