/** Decides the model's reply: a pure function of the request (and, for `first_n` alone, of how often the same step was asked). */

import { textOf } from "./content.ts";
import type { Conversation, MessagesRequest, Turn } from "./conversation.ts";
import type { Script, ScriptItem, ScriptStep } from "./script.ts";
import { findScriptBlock, readScript, withoutScript } from "./script.ts";

export const TEXT_WITHOUT_SCRIPT = "There is no script in this conversation.";
export const TEXT_AFTER_LAST_STEP = "The script has no further step.";

const SEARCHES_MAX = 5;

/** What is answered, in order; templates are filled. */
export interface PlannedReply {
  readonly items: readonly ScriptItem[];
  /** Names the step, so that repeated requests for it can be counted: turn and step, from 0. */
  readonly stepKey: string;
}

export function planReply(request: MessagesRequest, conversation: Conversation): PlannedReply {
  const turn = conversation.turns.at(-1);
  const stepKey = `${Math.max(conversation.turns.length - 1, 0)}.${turn?.toolReplies ?? 0}`;
  if (turn === undefined) return { items: [{ say: TEXT_WITHOUT_SCRIPT }], stepKey };
  const script = governingScript(conversation.turns);
  if (script === null) return { items: [{ say: TEXT_WITHOUT_SCRIPT }], stepKey };
  const step = stepOf(script, turn) ?? [{ say: TEXT_AFTER_LAST_STEP }];
  const search = searchForDeferredTools(request, conversation, turn, step);
  return { items: search ?? step.map((item) => resolveItem(item, request, conversation, turn)), stepKey };
}

interface Governing {
  readonly script: Script;
  /** Turns since the one that brought the script. */
  readonly laterTurns: number;
}

/** The last script in the conversation governs; turns after it are answered by its parts for later turns. */
function governingScript(turns: readonly Turn[]): Governing | null {
  for (let index = turns.length - 1; index >= 0; index -= 1) {
    const script = readScript(turns[index]?.text ?? "");
    if (script !== null) return { script, laterTurns: turns.length - 1 - index };
  }
  return null;
}

function stepOf({ script, laterTurns }: Governing, turn: Turn): ScriptStep | undefined {
  const matching = (text: string) => script.on_match.find((candidate) => text.includes(candidate.contains))?.steps;
  const steer = turn.steers.findLast((candidate) => matching(candidate.text) !== undefined);
  if (steer !== undefined) return matching(steer.text)?.[turn.toolReplies - steer.toolRepliesBefore];
  if (laterTurns === 0) return script.steps[turn.toolReplies];
  const steps = matching(turn.text) ?? script.on_resume[laterTurns - 1] ?? script.default_resume ?? [];
  return steps[turn.toolReplies];
}

/**
 * An agent's CLI may hold MCP tools back until the model looks for them. A real model does that by itself, so the script need not say it.
 * A server that is still connecting is not found at first; after a few tries the tool is called anyway and the CLI's refusal is seen.
 */
function searchForDeferredTools(
  request: MessagesRequest,
  conversation: Conversation,
  turn: Turn,
  step: ScriptStep,
): ScriptItem[] | null {
  const offered = new Set(request.tools.map((tool) => tool.name));
  if (!offered.has("ToolSearch")) return null;
  const missing = step
    .flatMap((item) => ("tool" in item && item.tool.startsWith("mcp__") ? [item.tool] : []))
    .filter((name) => !offered.has(name) && !conversation.loadedTools.has(name));
  const tries = Math.max(0, ...missing.map((name) => turn.searches.filter((searched) => searched === name).length));
  if (missing.length === 0 || tries >= SEARCHES_MAX) return null;
  const search: ScriptItem = {
    tool: "ToolSearch",
    input: { query: `select:${[...new Set(missing)].join(",")}`, max_results: 10 },
  };
  return tries === 0 ? [search] : [{ slow_ms: 200 * tries }, search];
}

function resolveItem(item: ScriptItem, request: MessagesRequest, conversation: Conversation, turn: Turn): ScriptItem {
  const fill = (text: string): string => fillTemplate(text, conversation, turn);
  if ("say" in item) return { ...item, say: fill(item.say) };
  if ("think" in item) return { think: fill(item.think) };
  if ("tool" in item) return { tool: item.tool, input: mapStrings(item.input, fill) as Record<string, unknown> };
  if ("echo" in item) return { say: echoText(item.echo, request, conversation, turn) };
  return item;
}

function echoText(what: string, request: MessagesRequest, conversation: Conversation, turn: Turn): string {
  switch (what) {
    case "history":
      return conversation.history;
    case "tools":
      return request.tools.map((tool) => tool.name).join("\n");
    case "system":
      return textOf(request.system);
    case "tool_results":
      return turn.toolResults.join("\n");
    default:
      return withoutScript(turn.text);
  }
}

/** `${prompt}`, `${history}` and `${tool_result:N}` (N from 1). A script inside the text belongs to its own reader and stays as it is. */
function fillTemplate(text: string, conversation: Conversation, turn: Turn): string {
  const block = findScriptBlock(text);
  if (block !== null) {
    const before = fillTemplate(text.slice(0, block.start), conversation, turn);
    return before + text.slice(block.start, block.end) + fillTemplate(text.slice(block.end), conversation, turn);
  }
  return text.replaceAll(/\$\{(prompt|history|tool_result:(\d+))\}/g, (_all, name: string, position?: string) => {
    if (name === "prompt") return withoutScript(turn.text);
    if (name === "history") return conversation.history;
    return turn.toolResults[Number(position) - 1] ?? "";
  });
}

function mapStrings(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === "string") return map(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, map));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapStrings(inner, map)]));
  }
  return value;
}
