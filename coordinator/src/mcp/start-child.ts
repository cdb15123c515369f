/**
 * Start and resume: the two tools that put a session to work. An agent's child belongs to its run; a person's session to nobody.
 * Called by: MCP's start_agent_session and resume_agent_session.  Requires: for an agent, its newest attempt, running.
 * Writes: what createRun writes, and gateway_calls (one transaction).  Emits: what createRun emits.
 */
import { ParallaxError } from "@parallax/shared/errors";
import { type CreateRun, createRunSchema, type ExecutionMode } from "@parallax/shared/protocol/runs";
import { type Author, createRun, createRunIn } from "../runs/create-run.ts";
import { findDutiesOwedBy } from "../store/duties.ts";
import { isDescendant } from "../store/gateway-calls.ts";
import { answerOf, type ToolAnswer, unknownSession } from "./answers.ts";
import { awaitReport, awaitSettled } from "./await-child.ts";
import type { AgentCaller, PersonCaller } from "./identify-caller.ts";
import { type RecordedCall, recordCall } from "./record-call.ts";
import { invalidArguments, type ToolContext } from "./tool.ts";

const PARAMETERS_CHARACTERS_MAX = 100_000;

export interface ChildRequest {
  readonly tool: string;
  readonly mode: ExecutionMode;
  readonly run: Omit<CreateRun, "execution_mode">;
}

export async function startChild(context: ToolContext, request: ChildRequest): Promise<ToolAnswer> {
  const run = checkRun(request);
  const { caller } = context;
  return caller.kind === "agent"
    ? await startForAgent(context, caller, request, run)
    : await startForPerson(context, caller, request, run);
}

function checkRun(request: ChildRequest): CreateRun {
  const { length } = JSON.stringify({
    ...request.run.parameters,
    prompt: request.run.prompt ?? request.run.parameters?.["prompt"],
  });
  if (length > PARAMETERS_CHARACTERS_MAX) {
    throw new ParallaxError(
      "invalid_request",
      `parameters: at most ${PARAMETERS_CHARACTERS_MAX} characters of JSON, these are ${length}`,
      { hint: "put what is long into a file and name the file" },
    );
  }
  const checked = createRunSchema.safeParse({ ...request.run, execution_mode: request.mode });
  if (!checked.success)
    throw invalidArguments(checked.error, `the tool list describes the arguments of ${request.tool}`);
  return checked.data;
}

async function startForAgent(
  context: ToolContext,
  agent: AgentCaller,
  request: ChildRequest,
  run: CreateRun,
): Promise<ToolAnswer> {
  const { deps } = context;
  const author: Author = {
    projectId: agent.projectId,
    origin: "agent",
    agent: { runId: agent.runId, attempt: agent.attempt, sessionId: agent.sessionId },
    idempotency: null,
    retryOfRunId: null,
  };
  const record = await recordCall(deps, agent, request.tool, async (tx, effects): Promise<RecordedCall> => {
    if (
      run.type === "resume_session" &&
      !(await isDescendant(tx, agent.projectId, agent.sessionId, run.session_id ?? ""))
    )
      throw unknownSession(run.session_id ?? "");
    const created = await createRunIn(deps, tx, effects, author, run);
    if (request.mode !== "sync") return { state: "answered", answer: pending(created.session_id, request.mode) };
    const owed = await findDutiesOwedBy(tx, agent.projectId, created.session_id);
    const duty = owed.find((candidate) => candidate.parentSessionId === agent.sessionId);
    if (duty === undefined) throw new Error(`no duty of ${created.session_id} to ${agent.sessionId}`);
    return { state: "waiting", child: { sessionId: created.session_id, dutyId: duty.id } };
  });
  if (record.state === "answered") return record.answer;
  if (record.state !== "waiting")
    throw new ParallaxError("idempotency_conflict", "this call number was used by another tool");
  return await awaitReport(context, agent, record.child);
}

async function startForPerson(
  context: ToolContext,
  person: PersonCaller,
  request: ChildRequest,
  run: CreateRun,
): Promise<ToolAnswer> {
  if (request.mode === "async_callback") {
    throw new ParallaxError(
      "unsupported_option",
      "mode async_callback needs a session to call back, and this client has none",
      { hint: "use async_poll and get_agent_session_status, or sync" },
    );
  }
  const author: Author = {
    projectId: person.projectId,
    origin: "request",
    agent: null,
    idempotency: null,
    retryOfRunId: null,
  };
  const created = await createRun(context.deps, author, run);
  return request.mode === "sync"
    ? await awaitSettled(context, person, created.session_id)
    : pending(created.session_id, request.mode);
}

const NEXT: Readonly<Record<ExecutionMode, string>> = {
  sync: "",
  async_poll: "It works now. get_agent_session_status tells when it is done, get_agent_session_result what came of it.",
  async_callback:
    "It works now. Start whatever else is needed, then end your turn: you are resumed with the result. Do not poll.",
};

function pending(sessionId: string, mode: ExecutionMode): ToolAnswer {
  return answerOf({ session_id: sessionId, status: "pending" }, NEXT[mode]);
}
