/** The steps that speak to the fleet, all through MCP tools: this is what a real orchestrator would do. */
import type { CallTool, StartChild } from "../script.ts";
import type { ToolAnswer } from "./call-tool.ts";
import { expandText, expandValue } from "./expand-templates.ts";
import type { Turn } from "./turn.ts";
import { lookupIn } from "./turn.ts";

interface Call {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly server?: string | undefined;
  readonly allowError: boolean;
}

async function callTool(turn: Turn, call: Call): Promise<ToolAnswer> {
  const id = `call-${++turn.calls}`;
  turn.write({ type: "tool_call", id, name: call.name, input: call.input });
  const answer = await turn.tools(call.server).call(call.name, call.input, turn.signal);
  turn.write({ type: "tool_result", id, name: call.name, text: answer.text, is_error: answer.isError, denied: false });
  if (answer.isError && !call.allowError) throw new Error(`${call.name} failed: ${answer.text.slice(0, 1000)}`);
  return answer;
}

function textField(data: unknown, name: string): string | null {
  const value = typeof data === "object" && data !== null ? (data as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" ? value : null;
}

export async function startChild(turn: Turn, start: StartChild): Promise<undefined> {
  const lookup = lookupIn(turn);
  const prompt = typeof start.prompt === "string" ? expandText(start.prompt, lookup) : JSON.stringify(start.prompt);
  const input = {
    parameters: { prompt },
    mode: start.mode ?? "async_callback",
    ...(start.agent_name === undefined ? {} : { agent_name: start.agent_name }),
    ...(start.executor === undefined ? {} : { executor: start.executor }),
    ...(start.project_dir === undefined ? {} : { project_dir: expandText(start.project_dir, lookup) }),
  };
  const answer = await callTool(turn, { name: "start_agent_session", input, allowError: start.allow_error === true });
  if (start.name === undefined) return;
  const session = textField(answer.data, "session_id");
  if (session !== null) turn.conversation.children[start.name] = session;
  turn.conversation.results[start.name] = textField(answer.data, "result_text") ?? answer.text;
}

export async function callNamedTool(turn: Turn, tool: CallTool): Promise<undefined> {
  const input = expandValue(tool.arguments ?? {}, lookupIn(turn)) as Readonly<Record<string, unknown>>;
  const allowError = tool.allow_error === true;
  const answer = await callTool(turn, { name: tool.name, input, server: tool.server, allowError });
  turn.conversation.results[tool.as ?? tool.name] = answer.text;
}

export async function readStatus(turn: Turn, child: string): Promise<undefined> {
  const session = turn.conversation.children[child];
  if (session === undefined) throw new Error(`no child is known as ${child}`);
  const input = { session_id: session };
  const answer = await callTool(turn, { name: "get_agent_session_status", input, allowError: false });
  turn.conversation.results[`status.${child}`] = textField(answer.data, "status") ?? answer.text;
}
