/** One turn from its task to its last line: remember, do the steps, remember the end, say the result. */
import type { Step } from "../script.ts";
import type { AgentErrorReason, AgentTask, TurnOutcome } from "../wire.ts";
import type { Conversation } from "./conversation-file.ts";
import {
  conversationPath,
  holdConversation,
  newConversation,
  readConversation,
  writeConversation,
} from "./conversation-file.ts";
import { parseScript, stepsOfTurn } from "./parse-script.ts";
import { hang, runSteps } from "./run-steps.ts";
import type { Turn, TurnEnd } from "./turn.ts";

const EXIT_INTERRUPTED = 130;

const ECHO: readonly Step[] = [{ say: "echo: ${prompt}" }];

export type TurnDeps = Pick<
  Turn,
  "write" | "writeRaw" | "signal" | "tools" | "steered" | "waitForSteer" | "ignoreSignals" | "env"
> & { readonly makeId: () => string };

/** A failure the agent itself tells about; everything else is a bug of the script or of this program. */
export class AgentError extends Error {
  readonly reason: AgentErrorReason;
  constructor(reason: AgentErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Returns the exit code. */
export async function takeTurn(deps: TurnDeps, task: AgentTask): Promise<number> {
  const { conversation, path } = await openConversation(deps, task);
  const { number, mistake } = beginTurn(conversation, task);
  writeConversation(path, conversation);
  deps.write({ type: "conversation", conversation_id: conversation.id, turn: number });
  deps.write({ type: "prompt_taken" });

  const turn = makeTurn(deps, task, conversation, number);
  const end = mistake === null ? await playTurn(turn) : ({ kind: "failed", message: mistake } as const);
  const status = statusOf(turn, end);
  const record = conversation.turns[number];
  if (record !== undefined) record.status = status;
  writeConversation(path, conversation);

  if (end?.kind === "failed") throw new AgentError("failed", end.message);
  if (end?.kind === "exited") return end.code;
  writeResult(turn, end, status as TurnOutcome);
  if (turn.hangAfterResult) await hang(new AbortController().signal);
  return status === "interrupted" ? EXIT_INTERRUPTED : 0;
}

async function openConversation(
  deps: TurnDeps,
  task: AgentTask,
): Promise<{ conversation: Conversation; path: string }> {
  if (task.mode === "resume" && task.conversation_id === null) {
    throw new AgentError("conversation_missing", "there is no conversation to resume");
  }
  const id = task.conversation_id ?? deps.makeId();
  const path = conversationPath(deps.env, id);
  if ((await holdConversation(path)) === "in_use") {
    throw new AgentError("conversation_in_use", `another process is writing the conversation ${id}`);
  }
  const found = readConversation(path);
  if (found === null && task.mode === "resume") {
    throw new AgentError("conversation_missing", `the conversation ${id} is not on this machine`);
  }
  return { conversation: found ?? newConversation(id), path };
}

/**
 * A later attempt of a run repeats the turn of that run; every other prompt begins the next turn. A prompt that is a script
 * replaces the conversation's. Both are remembered before the first step, so a killed turn can be repeated.
 */
function beginTurn(conversation: Conversation, task: AgentTask): { number: number; mistake: string | null } {
  const last = conversation.turns.length - 1;
  const number = conversation.turns[last]?.run_id === task.run_id ? last : last + 1;
  conversation.turns[number] = { run_id: task.run_id, prompt: task.prompt, status: "started" };
  conversation.messages.push({ role: "user", text: task.prompt });
  try {
    const script = parseScript(task.prompt);
    if (script !== null) Object.assign(conversation, { script, script_turn: number });
    return { number, mistake: null };
  } catch (error) {
    return { number, mistake: messageOf(error) };
  }
}

function makeTurn(deps: TurnDeps, task: AgentTask, conversation: Conversation, number: number): Turn {
  return {
    ...deps,
    task,
    conversation,
    number,
    calls: 0,
    rounds: [],
    denied: [],
    lastSaid: null,
    resultText: null,
    resultData: null,
    usage: null,
    hangAfterResult: false,
  };
}

async function playTurn(turn: Turn): Promise<TurnEnd | { kind: "interrupted" } | undefined> {
  try {
    const { conversation } = turn;
    const steps = stepsOfTurn(conversation.script, turn.number - conversation.script_turn);
    if (steps !== null) return await runSteps(turn, steps);
    return await runSteps(turn, ECHO);
  } catch (error) {
    if (turn.signal.aborted) return { kind: "interrupted" };
    return { kind: "failed", message: messageOf(error) };
  }
}

function statusOf(turn: Turn, end: TurnEnd | { kind: "interrupted" } | undefined) {
  if (end !== undefined) return end.kind;
  return turn.denied.length > 0 ? "completed_with_denials" : "completed";
}

function writeResult(turn: Turn, end: TurnEnd | { kind: "interrupted" } | undefined, outcome: TurnOutcome): void {
  const text = end?.kind === "refused" ? end.text : (turn.resultText ?? turn.lastSaid);
  turn.write({ type: "result", outcome, text, data: turn.resultData, usage: turn.usage, denied: turn.denied });
}
