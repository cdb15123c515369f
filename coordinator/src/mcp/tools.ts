import { z } from "zod";
import { deleteChildren } from "./delete-children.ts";
import { readBlueprints, readResult, readSessions, readStatus } from "./read-sessions.ts";
import { startChild } from "./start-child.ts";
import { defineTool, type Tool } from "./tool.ts";

const mode = z
  .enum(["sync", "async_poll", "async_callback"])
  .default("sync")
  .describe(
    "sync: the call waits, up to ten minutes, and answers with the result. async_callback: answers at once; start whatever else you want, then end your turn, and you are resumed with the result as soon as it is there. async_poll: answers at once and nothing is reported; ask with get_agent_session_status and get_agent_session_result.",
  );
const sessionId = z.string().min(1).max(200).describe("As start_agent_session or list_agent_sessions gave it.");
const prompt = z.string().min(1).optional().describe("Short for parameters with nothing but a prompt.");

const MODES_IN_SHORT =
  "Use mode async_callback for work that takes more than a few minutes or for several agents at once; sync when you need one short answer now.";

const startAgentSession = defineTool({
  name: "start_agent_session",
  description: `Give work to a new agent in a session of its own. It knows nothing of your conversation: say everything it needs. ${MODES_IN_SHORT} sync answers {session_id, result_text, result_data}; the async modes answer {session_id, status: "pending"}.`,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  arguments: z.strictObject({
    parameters: z
      .looseObject({})
      .optional()
      .describe(
        'What the agent is asked: {"prompt": "…"}, or what the parameters_schema of its blueprint says. At most 100,000 characters.',
      ),
    prompt,
    agent_name: z
      .string()
      .optional()
      .describe("A blueprint from list_agent_blueprints; without one a plain agent starts."),
    project_dir: z.string().optional().describe("Absolute path of its working directory; yours when left out."),
    mode,
    executor: z
      .string()
      .optional()
      .describe("Which agent program runs it, e.g. claude-code; the blueprint's or yours when left out."),
    runtime: z.enum(["local", "docker", "kubernetes"]).optional().describe("Where it runs; as you do when left out."),
    workspace: z
      .enum(["shared", "worktree"])
      .optional()
      .describe("shared: it works in project_dir itself. worktree: in a copy of the repository of its own."),
  }),
  handle: async (context, { mode: chosen, ...run }) =>
    await startChild(context, {
      tool: "start_agent_session",
      mode: chosen,
      run: { type: "start_session", ...present(run) },
    }),
});

const resumeAgentSession = defineTool({
  name: "resume_agent_session",
  description: `Send a further message to an agent that you started; it remembers its conversation. If it is still working, it reads the message next. ${MODES_IN_SHORT} Answers like start_agent_session.`,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  arguments: z.strictObject({
    session_id: sessionId,
    parameters: z.looseObject({}).optional().describe('{"prompt": "…"}'),
    prompt,
    mode,
  }),
  handle: async (context, { mode: chosen, ...run }) =>
    await startChild(context, {
      tool: "resume_agent_session",
      mode: chosen,
      run: { type: "resume_session", ...present(run) },
    }),
});

const listAgentBlueprints = defineTool({
  name: "list_agent_blueprints",
  description:
    "List the kinds of agents you can start by name: [{name, description, type, tags, parameters_schema}]. parameters_schema is the JSON Schema of what start_agent_session takes as parameters; null means {prompt} alone.",
  annotations: { readOnlyHint: true, openWorldHint: false },
  arguments: z.strictObject({}),
  handle: readBlueprints,
});

const listAgentSessions = defineTool({
  name: "list_agent_sessions",
  description:
    "List the sessions that you started, and those that they started, newest first: their ids, states and agents.",
  annotations: { readOnlyHint: true, openWorldHint: false },
  arguments: z.strictObject({}),
  handle: readSessions,
});

const getAgentSessionStatus = defineTool({
  name: "get_agent_session_status",
  description:
    "Tell where a session is: pending, running, idle (done, can be resumed), waiting (for its own children), stopping, stopped, failed or finished. settled says that nothing more will come by itself.",
  annotations: { readOnlyHint: true, openWorldHint: false },
  arguments: z.strictObject({ session_id: sessionId }),
  handle: async (context, { session_id }) => await readStatus(context, session_id),
});

const getAgentSessionResult = defineTool({
  name: "get_agent_session_result",
  description:
    "Read the newest result of a session that is done: {result_text, result_data}. A long result_text comes in parts of 50,000 characters; next_offset reads on.",
  annotations: { readOnlyHint: true, openWorldHint: false },
  arguments: z.strictObject({
    session_id: sessionId,
    offset: z.int().min(0).default(0).describe("Where to begin in result_text; next_offset of the part before."),
  }),
  handle: async (context, { session_id, offset }) => await readResult(context, session_id, offset),
});

const deleteAllAgentSessions = defineTool({
  name: "delete_all_agent_sessions",
  description:
    "Delete every session that you started and those that they started, with their results. Sessions that still work are kept and named. Answers {deleted, kept}. Cannot be undone.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  arguments: z.strictObject({}),
  handle: deleteChildren,
});

/** A field that was left out is absent, not undefined. */
function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

export const TOOLS: readonly Tool[] = [
  listAgentBlueprints,
  listAgentSessions,
  startAgentSession,
  resumeAgentSession,
  getAgentSessionStatus,
  getAgentSessionResult,
  deleteAllAgentSessions,
];

/** The tools whose answer may take long unless their mode says otherwise. */
const WAITING: ReadonlySet<string> = new Set([startAgentSession.name, resumeAgentSession.name]);

export function mayWait(tool: string, given: unknown): boolean {
  const chosen = typeof given === "object" && given !== null && "mode" in given ? given.mode : null;
  return WAITING.has(tool) && (chosen === null || chosen === "sync");
}
