/**
 * Reads the conversation out of a Messages request. The server keeps no memory of its own: who speaks, which turn it is and how far
 * that turn has come are all in the request, so restarts and concurrent agents need no coordination.
 */
import { z } from "zod";
import type { Block } from "./content.ts";
import { blocksOf, contentSchema, textOf, withoutReminders } from "./content.ts";
import { withoutScript } from "./script.ts";

export const messagesRequestSchema = z.looseObject({
  model: z.string().default("scripted"),
  stream: z.boolean().default(false),
  system: contentSchema.optional(),
  tools: z.array(z.looseObject({ name: z.string() })).default([]),
  messages: z.array(z.looseObject({ role: z.string(), content: contentSchema })),
});
export type MessagesRequest = z.infer<typeof messagesRequestSchema>;

/** One user text and what followed it. */
export interface Turn {
  readonly text: string;
  /** Replies of the model in this turn that called a tool, ToolSearch not counted. */
  readonly toolReplies: number;
  /** Texts of the tool results in this turn, ToolSearch not counted. */
  readonly toolResults: readonly string[];
  /** Names of deferred tools that the model looked for since its last other reply, once for each try. */
  readonly searches: readonly string[];
  /** Messages that reached the agent while it worked on this turn. */
  readonly steers: readonly Steer[];
}

interface Steer {
  readonly text: string;
  /** The turn's `toolReplies` when the message came. */
  readonly toolRepliesBefore: number;
}

export interface Conversation {
  readonly turns: readonly Turn[];
  /** Names of deferred tools that a search has brought in. */
  readonly loadedTools: ReadonlySet<string>;
  /** One line per text and tool call, in order. */
  readonly history: string;
}

interface OpenTurn {
  text: string;
  toolReplies: number;
  toolResults: string[];
  searches: string[];
  steers: Steer[];
}

/** The CLI hands a message for a busy agent to the model in these words. */
const STEER = /The user sent a new message while you were working:\n([\s\S]*?)\n\nThis is how Claude Code surfaces/g;

/** Texts that the CLI itself puts into user messages; they are not turns of a person. */
const CLI_TEXTS = [
  /^Tool loaded\.$/,
  /^\[Request interrupted by user.*\]$/,
  /^No response requested\.$/,
  /^Continue from where you left off\.$/,
  /^Your response above was stopped by a safety classifier/,
];

export function readConversation(request: MessagesRequest): Conversation {
  const turns: OpenTurn[] = [];
  const loadedTools = new Set<string>();
  const searchCalls = new Set<string>();
  const history: string[] = [];
  let previousRole = "";
  for (const message of request.messages) {
    if (message.role === "system") {
      readSystemMessage(textOf(message.content), turns.at(-1), history);
      continue;
    }
    for (const block of blocksOf(message.content)) {
      if (message.role === "assistant") readAssistantBlock(block, turns.at(-1), searchCalls, history);
      else readUserBlock(block, turns, searchCalls, loadedTools, history);
    }
    // The CLI may split one reply into several assistant messages: the reply counts once.
    const turn = turns.at(-1);
    if (
      turn !== undefined &&
      message.role === "assistant" &&
      previousRole !== "assistant" &&
      callsTool(request, message)
    ) {
      turn.toolReplies += 1;
      turn.searches = [];
    }
    previousRole = message.role;
  }
  return { turns, loadedTools, history: history.join("\n") };
}

function callsTool(request: MessagesRequest, first: MessagesRequest["messages"][number]): boolean {
  for (let index = request.messages.indexOf(first); ; index += 1) {
    const message = request.messages[index];
    if (message?.role !== "assistant") return false;
    if (blocksOf(message.content).some((block) => block.type === "tool_use" && block.name !== "ToolSearch"))
      return true;
  }
}

function readSystemMessage(text: string, turn: OpenTurn | undefined, history: string[]): void {
  for (const [, steer = ""] of text.matchAll(STEER)) {
    turn?.steers.push({ text: steer.trim(), toolRepliesBefore: turn.toolReplies });
    history.push(`steer: ${steer.trim()}`);
  }
}

function readAssistantBlock(
  block: Block,
  turn: OpenTurn | undefined,
  searchCalls: Set<string>,
  history: string[],
): void {
  if (block.type === "text") history.push(`assistant: ${String(block.text)}`);
  if (block.type !== "tool_use") return;
  if (block.name !== "ToolSearch") {
    history.push(`call: ${String(block.name)}`);
    return;
  }
  searchCalls.add(String(block.id));
  const query = (block.input as { query?: unknown } | undefined)?.query;
  if (typeof query === "string") turn?.searches.push(...query.replace(/^select:/, "").split(","));
}

function readUserBlock(
  block: Block,
  turns: OpenTurn[],
  searchCalls: ReadonlySet<string>,
  loadedTools: Set<string>,
  history: string[],
): void {
  if (block.type === "tool_result") {
    for (const inner of blocksOf(block.content)) {
      if (inner.type === "tool_reference") loadedTools.add(String(inner.tool_name));
    }
    if (!searchCalls.has(String(block.tool_use_id))) turns.at(-1)?.toolResults.push(textOf(block.content));
  } else if (block.type === "text") {
    const text = withoutReminders(String(block.text));
    if (text === "" || CLI_TEXTS.some((pattern) => pattern.test(text))) return;
    turns.push({ text, toolReplies: 0, toolResults: [], searches: [], steers: [] });
    history.push(`user: ${withoutScript(text)}`);
  }
}
